/* The fake upstream: one thread, epoll, a heap of the streams whose next event is due. */
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
#include <sys/timerfd.h>
#include <unistd.h>

enum { MAXFD = 262144 };
typedef struct {
    int fd, chunks_left, chunk_no, streaming, want_out;
    uint64_t due;
    int heap_at;
    Buf in, out;
} Conn;
static Conn *conns[MAXFD];
static Conn *heap[MAXFD];
static int heap_n;
static uint64_t served, served_streams, served_chunks, served_broken;
static int ep, opt_interval_us, opt_chunks;

static void heap_set(int i, Conn *c) { heap[i] = c; c->heap_at = i; }
static void heap_up(int i) {
    Conn *c = heap[i];
    while (i && heap[(i - 1) / 2]->due > c->due) { heap_set(i, heap[(i - 1) / 2]); i = (i - 1) / 2; }
    heap_set(i, c);
}
static void heap_down(int i) {
    Conn *c = heap[i];
    for (;;) {
        int k = 2 * i + 1;
        if (k >= heap_n) break;
        if (k + 1 < heap_n && heap[k + 1]->due < heap[k]->due) k++;
        if (heap[k]->due >= c->due) break;
        heap_set(i, heap[k]);
        i = k;
    }
    heap_set(i, c);
}
static void heap_push(Conn *c) { heap_set(heap_n, c); heap_up(heap_n++); }
static void heap_remove(Conn *c) {
    int i = c->heap_at;
    if (i < 0) return;
    c->heap_at = -1;
    if (i == --heap_n) return;
    Conn *last = heap[heap_n];
    heap_set(i, last);
    heap_up(i);
    heap_down(last->heap_at);
}

static void conn_close(Conn *c) {
    if (c->streaming) served_broken++;
    heap_remove(c);
    conns[c->fd] = NULL;
    close(c->fd);
    free(c->in.p); free(c->out.p); free(c);
}
static int conn_flush(Conn *c) { /* 0: closed */
    while (c->out.len) {
        ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) break;
            conn_close(c);
            return 0;
        }
        buf_drop(&c->out, n);
    }
    int want = c->out.len > 0;
    if (want != c->want_out) {
        struct epoll_event e = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
        c->want_out = want;
    }
    return 1;
}
static void emit_event(Conn *c, const char *json, int n) {
    char head[32];
    int h = sprintf(head, "%x\r\ndata: ", n + 8);
    buf_add(&c->out, head, h);
    buf_add(&c->out, json, n);
    buf_add(&c->out, "\n\n\r\n", 4);
}
static int emit_next(Conn *c) { /* 1: the stream has ended */
    char j[512];
    if (c->chunks_left > 0) {
        int n = sprintf(j, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"%s\","
                           "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%020llu\"},\"finish_reason\":null}]}",
                        MODEL, (unsigned long long)now_ns());
        emit_event(c, j, n);
        served_chunks++;
        c->chunk_no++;
        c->chunks_left--;
        return 0;
    }
    int n = sprintf(j, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"%s\","
                       "\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":%d,\"total_tokens\":%d}}",
                    MODEL, c->chunk_no, c->chunk_no + 20);
    emit_event(c, j, n);
    buf_add(&c->out, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", 24);
    c->streaming = 0;
    served_streams++;
    return 1;
}
static void answer_json(Conn *c, const char *body, int n) {
    char h[256];
    int k = sprintf(h, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", n);
    buf_add(&c->out, h, k);
    buf_add(&c->out, body, n);
}
static int has_stream(const char *b, size_t n) {
    const char *p = memmem(b, n, "\"stream\"", 8);
    if (!p) return 0;
    const char *e = b + n;
    for (p += 8; p < e && (*p == ' ' || *p == ':'); p++) {}
    return e - p >= 4 && !memcmp(p, "true", 4);
}
static int number_of(const char *b, size_t n, const char *key, int otherwise) {
    const char *p = memmem(b, n, key, strlen(key));
    if (!p) return otherwise;
    for (p += strlen(key); p < b + n && (*p == ' ' || *p == ':'); p++) {}
    return p < b + n ? atoi(p) : otherwise;
}
/* answers every whole request in the buffer; 0: closed */
static int conn_requests(Conn *c) {
    while (!c->streaming) {
        char *end = memmem(c->in.p, c->in.len, "\r\n\r\n", 4);
        if (!end) break;
        size_t head = end + 4 - c->in.p, body = 0, vl;
        const char *v = header(c->in.p, head, "content-length", &vl);
        if (v) body = strtoul(v, NULL, 10);
        else if ((v = header(c->in.p, head, "transfer-encoding", &vl))) { /* a chunked request: take it whole */
            char *fin = memmem(c->in.p + head - 2, c->in.len - head + 2, "\r\n0\r\n\r\n", 7);
            if (!fin) break;
            body = fin + 7 - (c->in.p + head);
        }
        if (c->in.len < head + body) {
            const char *x = header(c->in.p, head, "expect", &vl);
            if (x && c->in.len == head) buf_add(&c->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
            break;
        }
        const char *b = c->in.p + head;
        served++;
        if (!memcmp(c->in.p, "GET /stats", 10)) {
            char j[256];
            int n = sprintf(j, "{\"requests\":%llu,\"streams\":%llu,\"chunks\":%llu,\"broken\":%llu}", (unsigned long long)served,
                            (unsigned long long)served_streams, (unsigned long long)served_chunks, (unsigned long long)served_broken);
            answer_json(c, j, n);
        } else if (!memcmp(c->in.p, "GET ", 4)) {
            char j[256];
            int n = sprintf(j, "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\",\"created\":1760000000,\"owned_by\":\"bench\"}]}", MODEL);
            answer_json(c, j, n);
        } else if (has_stream(b, body)) {
            const char *h = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
            buf_add(&c->out, h, strlen(h));
            c->chunks_left = number_of(b, body, "\"max_tokens\"", opt_chunks);
            c->chunk_no = 0;
            c->streaming = 1;
            if (opt_interval_us) {
                c->due = now_ns() + opt_interval_us * 1000ull;
                heap_push(c);
            } else while (!emit_next(c)) {}
        } else {
            char j[1024];
            int n = sprintf(j, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"%s\",\"choices\":[{\"index\":0,"
                               "\"message\":{\"role\":\"assistant\",\"content\":\"Hello! How can I help you today? %020llu\"},\"logprobs\":null,"
                               "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":8,\"total_tokens\":28}}",
                            MODEL, (unsigned long long)now_ns());
            answer_json(c, j, n);
        }
        buf_drop(&c->in, head + body);
    }
    return conn_flush(c);
}
static int listen_on(int port) {
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&a, sizeof a) || listen(s, 8192)) die("listen");
    return s;
}
void serve(int port, int interval_us, int chunks) {
    opt_interval_us = interval_us;
    opt_chunks = chunks;
    int s = listen_on(port);
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ev[512];
    epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
    static Conn ticks;
    uint64_t armed = 0;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (timer < 0) die("timerfd_create");
    e.data.ptr = &ticks;
    epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e);
    for (;;) {
        if (heap_n && heap[0]->due != armed) {
            armed = heap[0]->due;
            struct itimerspec at = {.it_value = {armed / 1000000000ull, armed % 1000000000ull}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
        }
        int n = epoll_wait(ep, ev, 512, -1);
        for (int i = 0; i < n; i++) {
            Conn *c = ev[i].data.ptr;
            if (c == &ticks) { uint64_t times; if (read(timer, &times, sizeof times) < 0) {} continue; }
            if (!c) {
                int fd, one = 1;
                while ((fd = accept4(s, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (fd >= MAXFD) { close(fd); continue; }
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    c->heap_at = -1;
                    conns[fd] = c;
                    struct epoll_event ce = {.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ce);
                }
                continue;
            }
            if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                char b[65536];
                ssize_t r = recv(c->fd, b, sizeof b, 0);
                if (r == 0 || (r < 0 && errno != EAGAIN)) { conn_close(c); continue; }
                if (r > 0) {
                    buf_add(&c->in, b, r);
                    if (!conn_requests(c)) continue;
                }
            }
            if (ev[i].events & EPOLLOUT) conn_flush(c);
        }
        uint64_t t = now_ns();
        while (heap_n && heap[0]->due <= t) {
            Conn *c = heap[0];
            heap_remove(c);
            if (!emit_next(c)) {
                c->due += opt_interval_us * 1000ull;
                heap_push(c);
                conn_flush(c);
            } else conn_requests(c);
        }
    }
}
