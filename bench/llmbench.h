/* What the two halves of llmbench share: time, buffers, the reading of a head. */
#ifndef LLMBENCH_H
#define LLMBENCH_H
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

typedef struct { char *p; size_t len, cap; } Buf;

uint64_t now_ns(void);
void die(const char *what);
void buf_add(Buf *b, const void *p, size_t n);
void buf_drop(Buf *b, size_t n);
/* Value of a header in a head that no NUL ends, or NULL; its length goes to *len. */
const char *header(const char *head, size_t n, const char *name, size_t *len);

extern const char *const MODEL;

/* upstream.c: answers on 127.0.0.1:port until it is killed; interval_us between two events, chunks to a stream. */
void serve(int port, int interval_us, int chunks);

/* load.c */
typedef struct {
    const char *host;
    int port, connections, stream, max_tokens, json;
    double seconds, ramp; /* of ramp the connections begin one after another, and nothing is noted yet */
    const char *request;
    size_t request_len, key_at;
    int keys; /* 0: one key; else the six digits at request[key_at] go through 0 to keys - 1, from call to call */
} Load;
/* Keeps the connections busy for the seconds, prints the report; 1 where an answer was bad. */
int load(const Load *wanted);
#endif
