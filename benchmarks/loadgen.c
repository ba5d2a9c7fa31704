/* A small RADIUS load client: keeps a window of requests outstanding, verifies every reply, prints one JSON line.
 *
 *   loadgen pap|chap|acct HOST PORT SECRET SUBSCRIBERS REQUESTS WINDOW
 *
 * Subscribers are user000000, user000001, … with passwords pass000000, …. Each outstanding request has an identifier
 * of its own on one of WINDOW/128 sockets. A reply counts only when its Response Authenticator is right and, for
 * Access replies, Message-Authenticator comes first and is right (RFC 2865 section 3, RFC 3579 section 3.2).
 * A request unanswered for 1.1 s is sent again with the same octets, three times in all (as RouterOS does).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- MD5 (RFC 1321) and HMAC-MD5 (RFC 2104) ---- */
typedef struct { uint32_t s[4]; uint64_t n; uint8_t b[64]; } md5_t;
static const uint32_t K[64] = {
0xd76aa478,0xe8c7b756,0x242070db,0xc1bdceee,0xf57c0faf,0x4787c62a,0xa8304613,0xfd469501,0x698098d8,0x8b44f7af,0xffff5bb1,0x895cd7be,0x6b901122,0xfd987193,0xa679438e,0x49b40821,
0xf61e2562,0xc040b340,0x265e5a51,0xe9b6c7aa,0xd62f105d,0x02441453,0xd8a1e681,0xe7d3fbc8,0x21e1cde6,0xc33707d6,0xf4d50d87,0x455a14ed,0xa9e3e905,0xfcefa3f8,0x676f02d9,0x8d2a4c8a,
0xfffa3942,0x8771f681,0x6d9d6122,0xfde5380c,0xa4beea44,0x4bdecfa9,0xf6bb4b60,0xbebfbc70,0x289b7ec6,0xeaa127fa,0xd4ef3085,0x04881d05,0xd9d4d039,0xe6db99e5,0x1fa27cf8,0xc4ac5665,
0xf4292244,0x432aff97,0xab9423a7,0xfc93a039,0x655b59c3,0x8f0ccc92,0xffeff47d,0x85845dd1,0x6fa87e4f,0xfe2ce6e0,0xa3014314,0x4e0811a1,0xf7537e82,0xbd3af235,0x2ad7d2bb,0xeb86d391};
static const int R[64] = {7,12,17,22,7,12,17,22,7,12,17,22,7,12,17,22,5,9,14,20,5,9,14,20,5,9,14,20,5,9,14,20,
4,11,16,23,4,11,16,23,4,11,16,23,4,11,16,23,6,10,15,21,6,10,15,21,6,10,15,21,6,10,15,21};
static void md5_block(md5_t *m, const uint8_t *p) {
    uint32_t a = m->s[0], b = m->s[1], c = m->s[2], d = m->s[3], w[16];
    memcpy(w, p, 64); /* little-endian machines only */
    for (int i = 0; i < 64; i++) {
        uint32_t f; int g;
        if (i < 16) { f = (b & c) | (~b & d); g = i; }
        else if (i < 32) { f = (d & b) | (~d & c); g = (5 * i + 1) & 15; }
        else if (i < 48) { f = b ^ c ^ d; g = (3 * i + 5) & 15; }
        else { f = c ^ (b | ~d); g = (7 * i) & 15; }
        uint32_t t = d; d = c; c = b; f += a + K[i] + w[g];
        b += (f << R[i]) | (f >> (32 - R[i])); a = t;
    }
    m->s[0] += a; m->s[1] += b; m->s[2] += c; m->s[3] += d;
}
static void md5_init(md5_t *m) { m->s[0] = 0x67452301; m->s[1] = 0xefcdab89; m->s[2] = 0x98badcfe; m->s[3] = 0x10325476; m->n = 0; }
static void md5_add(md5_t *m, const void *data, size_t len) {
    const uint8_t *p = data; size_t have = m->n & 63; m->n += len;
    if (have) {
        size_t take = 64 - have < len ? 64 - have : len;
        memcpy(m->b + have, p, take); p += take; len -= take;
        if (have + take < 64) return;
        md5_block(m, m->b);
    }
    for (; len >= 64; p += 64, len -= 64) md5_block(m, p);
    memcpy(m->b, p, len);
}
static void md5_end(md5_t *m, uint8_t out[16]) {
    static const uint8_t pad[64] = {0x80}; uint64_t bits = m->n * 8;
    md5_add(m, pad, 1 + ((119 - (m->n & 63)) & 63)); md5_add(m, &bits, 8); memcpy(out, m->s, 16);
}
static void hmac(const char *secret, const uint8_t *data, size_t len, uint8_t out[16]) {
    uint8_t key[64] = {0}, pad[64]; md5_t m; size_t n = strlen(secret);
    if (n > 64) { md5_init(&m); md5_add(&m, secret, n); md5_end(&m, key); } else memcpy(key, secret, n);
    for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x36;
    md5_init(&m); md5_add(&m, pad, 64); md5_add(&m, data, len); md5_end(&m, out);
    for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x5c;
    md5_init(&m); md5_add(&m, pad, 64); md5_add(&m, out, 16); md5_end(&m, out);
}

/* ---- requests ---- */
enum { PAP, CHAP, ACCT };
typedef struct { uint8_t data[512]; size_t len; double first, last; int tries, busy; } slot_t;
static const char *secret;
static int mode;
static uint64_t seed = 88172645463325252ull;
static uint64_t draw(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static uint8_t *put(uint8_t *p, int type, const void *value, size_t len) { p[0] = type; p[1] = len + 2; memcpy(p + 2, value, len); return p + 2 + len; }
static uint8_t *put_int(uint8_t *p, int type, uint32_t value) { value = htonl(value); return put(p, type, &value, 4); }
static void build(slot_t *s, int id, long number, long request) {
    uint8_t *p = s->data, auth[16], tmp[64]; char name[64], password[64]; md5_t m;
    for (int i = 0; i < 16; i += 8) { uint64_t r = draw(); memcpy(auth + i, &r, 8); }
    p[0] = mode == ACCT ? 4 : 1; p[1] = id; memcpy(p + 4, mode == ACCT ? (uint8_t[16]){0} : auth, 16); p += 20;
    int n = snprintf(name, sizeof name, "user%06ld", number);
    int q = snprintf(password, sizeof password, "pass%06ld", number);
    if (mode == ACCT) p = put_int(p, 40, 3);
    p = put_int(p, 6, 2); p = put_int(p, 7, 1); p = put_int(p, 5, 15728640 + number % 65536); p = put_int(p, 61, 15);
    p = put(p, 1, name, n);
    n = snprintf(name, sizeof name, "02:00:%02lX:%02lX:%02lX:%02lX", number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255);
    p = put(p, 31, name, n); p = put(p, 30, "service1", 8); p = put(p, 87, "ether5-olt", 10);
    n = snprintf(name, sizeof name, "81%06lx", number & 0xffffff);
    p = put(p, 44, name, n);
    if (mode == PAP) {
        memset(tmp, 0, 16); memcpy(tmp, password, q > 16 ? 16 : q);
        uint8_t h[16]; md5_init(&m); md5_add(&m, secret, strlen(secret)); md5_add(&m, auth, 16); md5_end(&m, h);
        for (int i = 0; i < 16; i++) tmp[i] ^= h[i];
        p = put(p, 2, tmp, 16);
    } else if (mode == CHAP) {
        tmp[0] = id; md5_init(&m); md5_add(&m, tmp, 1); md5_add(&m, password, q); md5_add(&m, auth, 16); md5_end(&m, tmp + 1);
        p = put(p, 3, tmp, 17); p = put(p, 60, auth, 16);
    } else {
        uint32_t base = (uint32_t)request * 1500u;
        p = put_int(p, 45, 1); p = put_int(p, 55, (uint32_t)time(NULL)); p = put_int(p, 8, 0x64400000u + (uint32_t)number);
        p = put_int(p, 41, 0); p = put_int(p, 46, 300 + (uint32_t)(request % 86400)); p = put_int(p, 42, base); p = put_int(p, 43, base * 7);
        p = put_int(p, 52, 0); p = put_int(p, 53, 0); p = put_int(p, 47, base / 700); p = put_int(p, 48, base / 100);
    }
    p = put(p, 32, "MikroTik", 8); p = put_int(p, 4, 0x7f000001);
    uint8_t *ma = NULL;
    if (mode != ACCT) { memset(tmp, 0, 16); ma = p + 2; p = put(p, 80, tmp, 16); }
    s->len = p - s->data; s->data[2] = s->len >> 8; s->data[3] = s->len & 255;
    if (ma) hmac(secret, s->data, s->len, ma);
    else { md5_init(&m); md5_add(&m, s->data, s->len); md5_add(&m, secret, strlen(secret)); md5_end(&m, s->data + 4); }
}
/* 1 accept or accounting response, 0 reject, -1 not a valid reply to this request */
static int verify(const slot_t *s, uint8_t *r, ssize_t len) {
    if (len < 20 || r[1] != s->data[1] || len != (r[2] << 8 | r[3])) return -1;
    uint8_t got[16], want[16]; md5_t m; memcpy(got, r + 4, 16);
    memcpy(r + 4, s->data + 4, 16);
    md5_init(&m); md5_add(&m, r, len); md5_add(&m, secret, strlen(secret)); md5_end(&m, want);
    if (memcmp(got, want, 16)) return -1;
    if (mode != ACCT) {
        if (len < 38 || r[20] != 80 || r[21] != 18) return -1;
        memcpy(got, r + 22, 16); memset(r + 22, 0, 16); hmac(secret, r, len, want);
        if (memcmp(got, want, 16)) return -1;
        return r[0] == 2 ? 1 : r[0] == 3 ? 0 : -1;
    }
    return r[0] == 5 ? 1 : -1;
}
static int by_value(const void *a, const void *b) { double d = *(const double *)a - *(const double *)b; return d < 0 ? -1 : d > 0; }

int main(int argc, char **argv) {
    if (argc != 8) { fprintf(stderr, "usage: loadgen pap|chap|acct HOST PORT SECRET SUBSCRIBERS REQUESTS WINDOW\n"); return 2; }
    mode = !strcmp(argv[1], "acct") ? ACCT : !strcmp(argv[1], "chap") ? CHAP : PAP;
    secret = argv[4];
    long subscribers = atol(argv[5]), requests = atol(argv[6]); int window = atoi(argv[7]);
    if (subscribers < 1 || requests < 1 || window < 1 || window > 4096) { fprintf(stderr, "loadgen: numbers out of range\n"); return 2; }
    int sockets = (window + 127) / 128, *fds = calloc(sockets, sizeof *fds);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    inet_pton(AF_INET, argv[2], &to.sin_addr);
    slot_t *slots = calloc((size_t)sockets * 256, sizeof *slots); /* 256 identifiers a socket, at most 128 in flight */
    struct pollfd *polls = calloc(sockets, sizeof *polls);
    int *next_id = calloc(sockets, sizeof *next_id), *flying = calloc(sockets, sizeof *flying);
    for (int i = 0; i < sockets; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0); int size = 4 << 20;
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to)) { perror("connect"); return 1; }
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    double *latency = malloc(sizeof(double) * requests), begin = now(), scan = begin;
    long sent = 0, done = 0, accepted = 0, rejected = 0, bad = 0, resent = 0, lost = 0; int outstanding = 0;
    while (done + lost < requests) {
        for (int i = 0; outstanding < window && sent < requests && i < sockets; i++) {
            while (flying[i] < 128 && outstanding < window && sent < requests) {
                int id = next_id[i]; while (slots[i * 256 + id].busy) id = (id + 1) & 255;
                next_id[i] = (id + 1) & 255; slot_t *s = &slots[i * 256 + id];
                build(s, id, mode == ACCT ? sent % subscribers : (long)(draw() % (uint64_t)subscribers), mode == ACCT ? sent / subscribers + 1 : sent);
                s->busy = 1; s->tries = 1; s->first = s->last = now();
                if (send(fds[i], s->data, s->len, 0) < 0 && errno != ECONNREFUSED && errno != EAGAIN) { perror("send"); return 1; }
                sent++; outstanding++; flying[i]++;
            }
        }
        poll(polls, sockets, 50);
        for (int i = 0; i < sockets; i++) {
            uint8_t r[4096]; ssize_t len;
            while ((len = recv(fds[i], r, sizeof r, 0)) > 0) {
                slot_t *s = &slots[i * 256 + r[1]];
                int verdict = s->busy ? verify(s, r, len) : -2;
                if (verdict == -2) continue; /* the second answer to a request sent twice */
                if (verdict < 0) { bad++; continue; }
                latency[done++] = now() - s->first; verdict ? accepted++ : rejected++;
                s->busy = 0; outstanding--; flying[i]--;
            }
        }
        double t = now();
        if (t - scan > 0.1) {
            scan = t;
            for (int n = 0; n < sockets * 256; n++) {
                slot_t *s = &slots[n];
                if (!s->busy || t - s->last < 1.1) continue;
                if (s->tries == 3) { s->busy = 0; outstanding--; flying[n / 256]--; lost++; continue; }
                s->tries++; s->last = t; resent++; (void)!send(fds[n / 256], s->data, s->len, 0);
            }
        }
    }
    double seconds = now() - begin;
    qsort(latency, done, sizeof *latency, by_value);
    printf("{\"mode\": \"%s\", \"requests\": %ld, \"answered\": %ld, \"accepted\": %ld, \"rejected\": %ld, \"bad\": %ld, \"resent\": %ld, \"lost\": %ld, "
           "\"seconds\": %.3f, \"rate\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           argv[1], requests, done, accepted, rejected, bad, resent, lost, seconds, done / seconds,
           done ? latency[done / 2] * 1e3 : 0, done ? latency[done * 99 / 100] * 1e3 : 0, done ? latency[done - 1] * 1e3 : 0);
    return bad || lost ? 1 : 0;
}
