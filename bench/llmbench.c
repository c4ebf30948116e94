/* llmbench: a fake OpenAI-compatible upstream and a load generator, in one small program.
 * Written in C so that it costs little beside what it measures: both share one processor, the server under test has the other.
 *
 *   llmbench serve [-p PORT] [-i INTERVAL_US] [-n CHUNKS]
 *   llmbench load  [-h HOST] [-p PORT] [-c CONNECTIONS] [-d SECONDS] [-s] [-k API_KEY]
 *                  [-m MODEL] [-t MAX_TOKENS] [-b PADDING_BYTES] [-P PATH] [-H 'NAME: VALUE']... [-j]
 *                  [-r RAMP_SECONDS] [-K KEYS]
 *
 * serve answers POST .../chat/completions (and any other POST) with a completion that bears usage, as one JSON
 * object or, where the body holds "stream":true, as server-sent events; "max_tokens" in the body sets how many
 * chunks a stream has, INTERVAL_US the pause between two of them. Each chunk's content is the upstream's
 * monotonic clock in nanoseconds, so that load, on the same machine, can tell how long a chunk was on its way.
 * GET .../models answers a model list; GET /stats the counts so far.
 *
 * load keeps CONNECTIONS busy (keep-alive, one request at a time each) and prints requests, failures, requests/s,
 * and the median, 90th, 99th percentile and maximum of: latency (whole response), ttft (first content chunk) and
 * hop (upstream's send to client's receive, a chunk at a time). A response counts as good only where its status is 200, it is
 * complete by its own framing, and, streamed, its last event is [DONE] and every chunk that was asked for arrived.
 * With -r the connections begin one after another, evenly over RAMP_SECONDS, and what they saw counts from there on,
 * SECONDS long: streams that all begin at once stay in step, and their first tokens queue behind one another.
 * With -K the calls are made with KEYS keys in turn, from any of them on: API_KEY followed by 000000, 000001 and so on.
 *
 * Loopback only. Build: cc -O2 -o llmbench llmbench.c upstream.c load.c
 */
#include "llmbench.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

const char *const MODEL = "deepseek-ai/DeepSeek-R1";

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}
void die(const char *what) { perror(what); exit(2); }
static void raise_fd_limit(void) {
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

void buf_add(Buf *b, const void *p, size_t n) {
    if (b->len + n > b->cap) {
        while (b->len + n > b->cap) b->cap = b->cap ? b->cap * 2 : 4096;
        b->p = realloc(b->p, b->cap);
        if (!b->p) die("realloc");
    }
    memcpy(b->p + b->len, p, n);
    b->len += n;
}
void buf_drop(Buf *b, size_t n) { memmove(b->p, b->p + n, b->len - n); b->len -= n; }

const char *header(const char *head, size_t n, const char *name, size_t *len) {
    size_t nl = strlen(name);
    for (const char *p = head, *end = head + n; p < end;) {
        const char *eol = memchr(p, '\n', end - p);
        if (!eol) break;
        if ((size_t)(eol - p) > nl && p[nl] == ':' && !strncasecmp(p, name, nl)) {
            const char *v = p + nl + 1;
            while (v < eol && *v == ' ') v++;
            const char *e = eol;
            while (e > v && (e[-1] == '\r' || e[-1] == ' ')) e--;
            *len = e - v;
            return v;
        }
        p = eol + 1;
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: llmbench serve|load [options]; see the head of llmbench.c\n"); return 2; }
    const char *verb = argv[1], *key = "sk-bench", *model = MODEL, *path = "/v1/chat/completions";
    Load want = {.host = "127.0.0.1", .port = 9090, .connections = 32, .max_tokens = 32, .seconds = 5};
    int o, pad = 0, interval_us = 0, chunks = 32;
    char extra[4096] = "";
    optind = 2;
    while ((o = getopt(argc, argv, "p:i:n:h:c:d:sk:m:t:b:P:H:jr:K:")) != -1) switch (o) {
        case 'p': want.port = atoi(optarg); break;
        case 'i': interval_us = atoi(optarg); break;
        case 'n': chunks = atoi(optarg); break;
        case 'h': want.host = optarg; break;
        case 'c': want.connections = atoi(optarg); break;
        case 'd': want.seconds = atof(optarg); break;
        case 's': want.stream = 1; break;
        case 'k': key = optarg; break;
        case 'm': model = optarg; break;
        case 't': want.max_tokens = atoi(optarg); break;
        case 'b': pad = atoi(optarg); break;
        case 'P': path = optarg; break;
        case 'H':
            if (strlen(extra) + strlen(optarg) + 3 > sizeof extra) { fprintf(stderr, "llmbench: too many headers\n"); return 2; }
            strcat(strcat(extra, optarg), "\r\n");
            break;
        case 'j': want.json = 1; break;
        case 'r': want.ramp = atof(optarg); break;
        case 'K': want.keys = atoi(optarg); break;
        default: return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_fd_limit();
    if (!strcmp(verb, "serve")) serve(want.port, interval_us, chunks);
    if (strcmp(verb, "load")) { fprintf(stderr, "llmbench: serve or load, not '%s'\n", verb); return 2; }
    if (strncmp(want.host, "127.", 4)) { fprintf(stderr, "llmbench: loopback only\n"); return 2; }
    char *padding = malloc(pad + 1), *body = malloc(pad + 1024);
    memset(padding, 'x', pad);
    padding[pad] = 0;
    int n = sprintf(body, "{\"model\": \"%s\", \"messages\": [{\"role\": \"system\", \"content\": \"You are a helpful assistant.\"}, {\"role\": \"user\", \"content\": \"Hello!%s\"}],"
                          " \"temperature\": 0.7, \"max_tokens\": %d, \"stream\": %s}", model, padding, want.max_tokens, want.stream ? "true" : "false");
    char *request = malloc(n + 1024 + sizeof extra);
    want.request = request;
    want.request_len = sprintf(request,
                               "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nAccept: */*\r\n"
                               "Authorization: Bearer %s%s\r\n%sContent-Length: %d\r\n\r\n%s",
                               path, want.host, want.port, key, want.keys ? "000000" : "", extra, n, body);
    if (want.keys) want.key_at = strstr(request, "000000\r\n") - request;
    return load(&want);
}
