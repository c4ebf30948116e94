/* The load: CONNECTIONS clients, each asking again as soon as it has its answer, and what they saw. */
#include "llmbench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct { float *v; size_t n, cap; } Series; /* microseconds */
static void note(Series *s, double us) {
    if (s->n == s->cap) { s->cap = s->cap ? s->cap * 2 : 65536; s->v = realloc(s->v, s->cap * sizeof *s->v); }
    s->v[s->n++] = us;
}
static int by_value(const void *a, const void *b) { float x = *(float *)a, y = *(float *)b; return (x > y) - (x < y); }
static double at(Series *s, double q) { return s->n ? s->v[(size_t)(q * (s->n - 1))] : 0; }
static Load want;
static int lep;
static void report(const char *name, Series *s) {
    qsort(s->v, s->n, sizeof *s->v, by_value);
    if (want.json) printf(",\"%s_us\":{\"n\":%zu,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f}", name, s->n, at(s, .5), at(s, .9), at(s, .99), at(s, 1));
    else printf("%-8s us  p50 %9.0f  p90 %9.0f  p99 %9.0f  max %9.0f   (%zu)\n", name, at(s, .5), at(s, .9), at(s, .99), at(s, 1), s->n);
}
typedef struct {
    int fd, head_done, chunked, status, close_after, got_first, chunks, done_seen, state;
    int64_t left; /* of the body, or of the chunk at hand */
    uint64_t began;
    Buf in, body;
    size_t sent;
} Client;
static Series lat, ttft, hop;
static uint64_t good, bad;
static char *key_digits; /* of the request at hand, where the calls are those of several keys */
static int key_no;

static void client_send(Client *c) {
    while (c->sent < want.request_len) {
        ssize_t n = send(c->fd, want.request + c->sent, want.request_len - c->sent, MSG_NOSIGNAL);
        if (n < 0) return;
        c->sent += n;
    }
}
static void client_connect(Client *c) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(want.port)};
    inet_pton(AF_INET, want.host, &a.sin_addr);
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) die("connect");
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(lep, EPOLL_CTL_ADD, c->fd, &e);
}
static void client_begin(Client *c) {
    c->head_done = c->chunked = c->status = c->close_after = c->got_first = c->chunks = c->done_seen = c->state = 0;
    c->left = -1;
    c->sent = 0;
    if (key_digits) { /* a request is small, and leaves in one send: the next may be written over it */
        char digits[16];
        snprintf(digits, sizeof digits, "%06d", key_no);
        memcpy(key_digits, digits, 6);
        key_no = (key_no + 1) % want.keys;
    }
    c->in.len = c->body.len = 0;
    c->began = now_ns();
    client_send(c);
}
static void client_again(Client *c) {
    close(c->fd);
    client_connect(c);
    client_begin(c);
}
static void body_bytes(Client *c, const char *p, size_t n) {
    uint64_t t = now_ns();
    buf_add(&c->body, p, n);
    if (!want.stream) return;
    for (;;) { /* whole lines only */
        char *nl = memchr(c->body.p, '\n', c->body.len);
        if (!nl) break;
        size_t len = nl + 1 - c->body.p;
        char *m = memmem(c->body.p, len, "\"content\":", 10);
        if (m) {
            m += 10;
            while (*m == ' ' || *m == '"') m++;
            uint64_t sent_at = strtoull(m, NULL, 10);
            if (sent_at > 1000) {
                if (!c->got_first) { c->got_first = 1; note(&ttft, (t - c->began) / 1e3); }
                c->chunks++;
                note(&hop, t > sent_at ? (t - sent_at) / 1e3 : 0);
            }
        } else if (memmem(c->body.p, len, "[DONE]", 6)) c->done_seen = 1;
        buf_drop(&c->body, len);
    }
}
static int client_data(Client *c) { /* 1: the response is whole; -1: it is broken */
    if (!c->head_done) {
        char *end = memmem(c->in.p, c->in.len, "\r\n\r\n", 4);
        if (!end) return 0;
        size_t head = end + 4 - c->in.p, vl;
        if (c->in.len < 12) return -1;
        c->status = atoi(c->in.p + 9);
        const char *v = header(c->in.p, head, "transfer-encoding", &vl);
        c->chunked = v && vl >= 7 && !strncasecmp(v, "chunked", 7);
        v = header(c->in.p, head, "content-length", &vl);
        if (v) c->left = strtoll(v, NULL, 10);
        v = header(c->in.p, head, "connection", &vl);
        c->close_after = v && vl == 5 && !strncasecmp(v, "close", 5);
        c->head_done = 1;
        buf_drop(&c->in, head);
        if (c->chunked) c->left = 0;
        else if (c->left < 0) return -1; /* neither framing */
    }
    if (!c->chunked) {
        size_t n = c->in.len < (size_t)c->left ? c->in.len : (size_t)c->left;
        body_bytes(c, c->in.p, n);
        buf_drop(&c->in, n);
        c->left -= n;
        return c->left == 0;
    }
    for (;;) {
        if (c->state == 0) { /* a chunk's size */
            char *nl = memchr(c->in.p, '\n', c->in.len);
            if (!nl) return 0;
            c->left = strtoll(c->in.p, NULL, 16);
            buf_drop(&c->in, nl + 1 - c->in.p);
            c->state = c->left ? 1 : 3;
        } else if (c->state == 1) { /* its bytes */
            size_t n = c->in.len < (size_t)c->left ? c->in.len : (size_t)c->left;
            if (n) { body_bytes(c, c->in.p, n); buf_drop(&c->in, n); c->left -= n; }
            if (c->left) return 0;
            c->state = 2;
        } else { /* 2: the line end behind it; 3: the one behind the last */
            if (c->in.len < 2) return 0;
            buf_drop(&c->in, 2);
            if (c->state == 3) return 1;
            c->state = 0;
        }
    }
}
static char first_bad[200];
static void client_end(Client *c, int whole) {
    int ok = whole && c->status == 200 && (!want.stream || (c->done_seen && c->chunks == want.max_tokens));
    if (ok) { good++; note(&lat, (now_ns() - c->began) / 1e3); }
    else {
        if (!bad) snprintf(first_bad, sizeof first_bad, "status %d, whole %d, chunks %d of %d, done %d", c->status, whole, c->chunks, want.max_tokens, c->done_seen);
        bad++;
    }
}
int load(const Load *wanted) {
    want = *wanted;
    lep = epoll_create1(0);
    Client *cs = calloc(want.connections, sizeof *cs);
    if (want.keys) {
        key_digits = (char *)want.request + want.key_at;
        key_no = (int)(now_ns() / 1000 % want.keys);
    }
    uint64_t t0 = now_ns(), ramp = (uint64_t)(want.ramp * 1e9), stop = t0 + ramp + (uint64_t)(want.seconds * 1e9);
    int begun = 0;
    struct epoll_event ev[512];
    for (uint64_t t; (t = now_ns()) < stop;) {
        for (; begun < want.connections && t >= t0 + ramp / want.connections * begun; begun++) { client_connect(&cs[begun]); client_begin(&cs[begun]); }
        if (ramp && t >= t0 + ramp) { t0 += ramp; ramp = 0; good = lat.n = ttft.n = hop.n = 0; } /* from here on it counts */
        int n = epoll_wait(lep, ev, 512, begun < want.connections ? 1 : 50);
        for (int i = 0; i < n; i++) {
            Client *c = ev[i].data.ptr;
            if (ev[i].events & EPOLLOUT && c->sent < want.request_len) client_send(c);
            if (!(ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            for (;;) {
                char b[65536];
                ssize_t r = recv(c->fd, b, sizeof b, 0);
                if (r < 0 && errno == EAGAIN) break;
                if (r <= 0) { client_end(c, 0); client_again(c); break; }
                buf_add(&c->in, b, r);
                int w = client_data(c);
                if (w) {
                    client_end(c, w > 0);
                    if (w < 0 || c->close_after) { client_again(c); break; }
                    client_begin(c);
                }
            }
        }
    }
    double took = (now_ns() - t0) / 1e9;
    if (want.json) printf("{\"good\":%llu,\"bad\":%llu,\"seconds\":%.2f,\"per_s\":%.1f,\"chunks_per_s\":%.0f", (unsigned long long)good, (unsigned long long)bad, took, good / took, hop.n / took);
    else printf("%llu good, %llu bad in %.1f s: %.1f/s, %.0f chunks/s%s%s\n", (unsigned long long)good, (unsigned long long)bad, took, good / took, hop.n / took, bad ? "; first bad: " : "", first_bad);
    report("latency", &lat);
    if (want.stream) { report("ttft", &ttft); report("hop", &hop); }
    if (want.json) printf(",\"first_bad\":\"%s\"}\n", first_bad);
    return bad ? 1 : 0;
}
