/* What the load clients share: MD5, and RADIUS packets as a MikroTik sends them, built and verified. */
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
#define F1(b, c, d) (d ^ (b & (c ^ d)))
#define F2(b, c, d) (c ^ (d & (b ^ c)))
#define F3(b, c, d) (b ^ c ^ d)
#define F4(b, c, d) (c ^ (b | ~d))
#define STEP(f, a, b, c, d, g, k, r) a += f(b, c, d) + w[g] + k##u; a = b + ((a << r) | (a >> (32 - r)));
#define FOUR(f, g0, g1, g2, g3, k0, k1, k2, k3, r0, r1, r2, r3) \
    STEP(f, a, b, c, d, g0, k0, r0) STEP(f, d, a, b, c, g1, k1, r1) STEP(f, c, d, a, b, g2, k2, r2) STEP(f, b, c, d, a, g3, k3, r3)
static void md5_block(md5_t *m, const uint8_t *p) {
    uint32_t a = m->s[0], b = m->s[1], c = m->s[2], d = m->s[3], w[16];
    memcpy(w, p, 64); /* little-endian machines only */
    FOUR(F1, 0, 1, 2, 3, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 7, 12, 17, 22)
    FOUR(F1, 4, 5, 6, 7, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 7, 12, 17, 22)
    FOUR(F1, 8, 9, 10, 11, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 7, 12, 17, 22)
    FOUR(F1, 12, 13, 14, 15, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 7, 12, 17, 22)
    FOUR(F2, 1, 6, 11, 0, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 5, 9, 14, 20)
    FOUR(F2, 5, 10, 15, 4, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 5, 9, 14, 20)
    FOUR(F2, 9, 14, 3, 8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 5, 9, 14, 20)
    FOUR(F2, 13, 2, 7, 12, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 5, 9, 14, 20)
    FOUR(F3, 5, 8, 11, 14, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 4, 11, 16, 23)
    FOUR(F3, 1, 4, 7, 10, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 4, 11, 16, 23)
    FOUR(F3, 13, 0, 3, 6, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 4, 11, 16, 23)
    FOUR(F3, 9, 12, 15, 2, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 4, 11, 16, 23)
    FOUR(F4, 0, 7, 14, 5, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 6, 10, 15, 21)
    FOUR(F4, 12, 3, 10, 1, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 6, 10, 15, 21)
    FOUR(F4, 8, 15, 6, 13, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 6, 10, 15, 21)
    FOUR(F4, 4, 11, 2, 9, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391, 6, 10, 15, 21)
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

/* ---- the shared secret, its hash states prepared once ---- */
static const char *secret; static size_t secret_len; static md5_t secret_start, inner_start, outer_start;
static void take_secret(const char *given) {
    uint8_t key[64] = {0}, pad[64]; secret = given; secret_len = strlen(secret);
    md5_init(&secret_start); md5_add(&secret_start, secret, secret_len);
    if (secret_len > 64) { md5_t m = secret_start; md5_end(&m, key); } else memcpy(key, secret, secret_len);
    for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x36;
    md5_init(&inner_start); md5_add(&inner_start, pad, 64);
    for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x5c;
    md5_init(&outer_start); md5_add(&outer_start, pad, 64);
}
static void hmac(const uint8_t *data, size_t len, uint8_t out[16]) {
    md5_t m = inner_start; md5_add(&m, data, len); md5_end(&m, out);
    m = outer_start; md5_add(&m, out, 16); md5_end(&m, out);
}

/* ---- requests ---- */
enum { PAP, CHAP, MSCHAPV2, ACCT };
enum { START = 1, INTERIM = 3, ACCOUNTING_ON = 7 };
#define THE_NAS_ITSELF (-1L)
typedef struct { uint8_t data[512]; size_t len; double first, last; long subscriber; int tries, busy, mode; } slot_t;
static char session_prefix[] = "81"; /* of Acct-Session-Id */
/* 16 octets of challenge and 50 of MS-CHAP2-Response for each subscriber, made beforehand; NULL unless MSCHAPV2 */
static uint8_t *responses;
/* the Class that a subscriber's Access-Accept has given, to be echoed in accounting; NULL for none */
enum { CLASS_OCTETS = 47 };
static uint8_t *classes;
static time_t began; /* when the first packet was built: no session is older */
/* what each subscriber was given, 0 for none; NULL where nobody asks */
static uint32_t *framed_addresses;
static uint64_t seed = 88172645463325252ull;
static uint64_t draw(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static uint8_t *put(uint8_t *p, int type, const void *value, size_t len) { p[0] = type; p[1] = len + 2; memcpy(p + 2, value, len); return p + 2 + len; }
static uint8_t *put_int(uint8_t *p, int type, uint32_t value) { value = htonl(value); return put(p, type, &value, 4); }
static uint8_t *put_microsoft(uint8_t *p, int type, const void *value, size_t len) {
    p[0] = 26; p[1] = len + 8; memcpy(p + 2, "\0\0\1\x37", 4); put(p + 6, type, value, len); return p + 8 + len;
}
static uint8_t *put_six(uint8_t *p, int type, const char *word, long number) { /* word and six digits */
    char text[64]; size_t n = strlen(word); memcpy(text, word, n);
    for (int i = 5; i >= 0; i--, number /= 10) text[n + i] = '0' + number % 10;
    return put(p, type, text, n + 6);
}
static uint32_t source_address(int source) { return 0x7f00000b + source; } /* 127.0.0.11 and on */
static void finish(slot_t *s, uint8_t *p, int source) {
    p = put(p, 32, "MikroTik", 8); p = put_int(p, 4, source_address(source));
    uint8_t *ma = NULL;
    if (s->mode != ACCT) { p[0] = 80; p[1] = 18; ma = p + 2; memset(ma, 0, 16); p += 18; }
    s->len = p - s->data; s->data[2] = s->len >> 8; s->data[3] = s->len & 255;
    if (ma) { hmac(s->data, s->len, ma); return; }
    md5_t m; md5_init(&m); md5_add(&m, s->data, s->len); md5_add(&m, secret, secret_len); md5_end(&m, s->data + 4);
}
/* An Access-Request, or the Accounting-Request number `request` of a subscriber (0: Start). */
static void build(slot_t *s, int mode, int id, long number, long request, int source) {
    static const char hex[] = "0123456789ABCDEF";
    uint8_t *p = s->data, auth[16], tmp[64]; md5_t m;
    s->mode = mode; s->subscriber = number; if (!began) began = time(NULL);
    for (int i = 0; i < 16; i += 8) { uint64_t r = draw(); memcpy(auth + i, &r, 8); }
    p[0] = mode == ACCT ? 4 : 1; p[1] = id; if (mode == ACCT) memset(p + 4, 0, 16); else memcpy(p + 4, auth, 16);
    p += 20;
    if (mode == ACCT) p = put_int(p, 40, number == THE_NAS_ITSELF ? ACCOUNTING_ON : request ? INTERIM : START);
    if (number == THE_NAS_ITSELF) { finish(s, p, source); return; }
    p = put_int(p, 6, 2); p = put_int(p, 7, 1); p = put_int(p, 5, 15728640 + number % 65536); p = put_int(p, 61, 15);
    p = put_six(p, 1, "user", number);
    memcpy(tmp, "02:00:00:00:00:00", 17);
    for (int i = 0; i < 4; i++) { int octet = number >> (24 - 8 * i) & 255; tmp[6 + 3 * i] = hex[octet >> 4]; tmp[7 + 3 * i] = hex[octet & 15]; }
    p = put(p, 31, tmp, 17); p = put(p, 30, "service1", 8); p = put(p, 87, "ether5-olt", 10);
    p = put_six(p, 44, session_prefix, number);
    if (mode == PAP) {
        uint8_t h[16]; memset(tmp, 0, 16); put_six(h, 0, "pass", number); memcpy(tmp, h + 2, 10);
        m = secret_start; md5_add(&m, auth, 16); md5_end(&m, h);
        for (int i = 0; i < 16; i++) tmp[i] ^= h[i];
        p = put(p, 2, tmp, 16);
    } else if (mode == CHAP) {
        uint8_t h[16]; put_six(h, 0, "pass", number);
        tmp[0] = id; md5_init(&m); md5_add(&m, tmp, 1); md5_add(&m, h + 2, 10); md5_add(&m, auth, 16); md5_end(&m, tmp + 1);
        p = put(p, 3, tmp, 17); p = put(p, 60, auth, 16);
    } else if (mode == MSCHAPV2) {
        p = put_microsoft(p, 11, responses + 66 * number, 16); p = put_microsoft(p, 25, responses + 66 * number + 16, 50);
    } else {
        uint32_t base = (uint32_t)request * 1500u;
        p = put_int(p, 45, 1); p = put_int(p, 55, (uint32_t)time(NULL));
        p = put_int(p, 8, framed_addresses && framed_addresses[number] ? framed_addresses[number] : 0x64400000u + (uint32_t)number);
        p = put_int(p, 41, 0);
        if (classes) p = put(p, 25, classes + CLASS_OCTETS * number, CLASS_OCTETS);
        if (request) {
            p = put_int(p, 46, 1 + (uint32_t)(time(NULL) - began)); p = put_int(p, 42, base); p = put_int(p, 43, base * 7);
            p = put_int(p, 52, 0); p = put_int(p, 53, 0); p = put_int(p, 47, base / 700); p = put_int(p, 48, base / 100);
        }
    }
    finish(s, p, source);
}
/* 1 accept or accounting response, 0 reject, -1 not a valid reply to this request. The Response Authenticator must be
 * right; Message-Authenticator too, and come first, unless `unsigned_too` lets a server leave it out. */
static int verify(const slot_t *s, uint8_t *r, ssize_t len, int unsigned_too) {
    if (len < 20 || r[1] != s->data[1] || len != (r[2] << 8 | r[3])) return -1;
    uint8_t got[16], want[16]; md5_t m; memcpy(got, r + 4, 16);
    memcpy(r + 4, s->data + 4, 16);
    md5_init(&m); md5_add(&m, r, len); md5_add(&m, secret, secret_len); md5_end(&m, want);
    if (memcmp(got, want, 16)) return -1;
    if (s->mode == ACCT) return r[0] == 5 ? 1 : -1;
    if (len >= 38 && r[20] == 80 && r[21] == 18) {
        memcpy(got, r + 22, 16); memset(r + 22, 0, 16); hmac(r, len, want);
        if (memcmp(got, want, 16)) return -1;
    } else if (!unsigned_too) return -1;
    return r[0] == 2 ? 1 : r[0] == 3 ? 0 : -1;
}

/* ---- sockets ---- */
static int open_socket(int source, struct sockaddr_in to) { /* connected, from 127.0.0.11 + source */
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source_address(source))};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) || connect(fd, (struct sockaddr *)&to, sizeof to)) { perror("socket"); exit(1); }
    return fd;
}
static struct sockaddr_in address(const char *host, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) { fprintf(stderr, "%s is no IPv4 address\n", host); exit(2); }
    return to;
}
static void send_slot(int fd, slot_t *s, double at) {
    s->last = at;
    if (send(fd, s->data, s->len, 0) < 0 && errno != ECONNREFUSED && errno != EAGAIN) { perror("send"); exit(1); }
}
static uint8_t *read_each(const char *path, long octets, long subscribers) {
    FILE *file = fopen(path, "rb"); uint8_t *read = malloc(octets * subscribers);
    if (!file || fread(read, octets, subscribers, file) != (size_t)subscribers) { fprintf(stderr, "%s: too short\n", path); exit(2); }
    fclose(file);
    return read;
}
static void read_responses(const char *path, long subscribers) { responses = read_each(path, 66, subscribers); }
static int mode_named(const char *name) {
    static const char *const names[] = {"pap", "chap", "mschapv2", "acct"};
    for (int i = 0; i < 4; i++) if (!strcmp(name, names[i])) return i;
    fprintf(stderr, "%s: not pap, chap, mschapv2 or acct\n", name); exit(2);
}
static int by_value(const void *a, const void *b) { double d = *(const double *)a - *(const double *)b; return d < 0 ? -1 : d > 0; }
