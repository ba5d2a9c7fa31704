/* The storm after a power cut: every subscriber logs in and sends a Start at once; prints one JSON line.
 *
 *   storm -m pap|mschapv2 -a HOST -p AUTH_PORT -c ACCT_PORT -k SECRET -u SUBSCRIBERS [-s NAS] [-g STORM] [-r FILE] [-o]
 *
 * Subscribers are shared fairly among NAS at 127.0.0.11, 127.0.0.12, …, each with one source port for logins and one
 * for accounting; the NAS say Accounting-On first, as one does whose power is back. At most 256 requests outstanding
 * on each (RFC 2865: that many identifiers). A subscriber's Start leaves when its Accept has come, with the address
 * that says, if it says one; a subscriber is in when the Start is acknowledged. A request unanswered for 300 ms is sent
 * again with the same octets, three times; one that is not answered 300 ms after that has failed. An answer to a
 * request whose identifier is in use again is late; one that fits neither is bad.
 */
#include "packets.h"
#include <sys/resource.h>

#define IDS 256
#define RETRY_SECONDS 0.3
#define RETRIES 3
#define GIVE_UP_SECONDS 120
#define TICKS_A_SECOND 10
#define KEPT 4 /* earlier requests of an identifier, so that late answers are told from bad ones */
typedef struct { int fd, flying, next_id, mode; long *waiting, first, last; slot_t slots[IDS], before[IDS][KEPT]; } port_t;
/* what happened in each tenth of a second */
typedef struct { long sent, resent, accepted, acknowledged, failed; } tick_t;
static tick_t timeline[TICKS_A_SECOND * (GIVE_UP_SECONDS + 1)];
static int by_number(const void *a, const void *b) { uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b; return x < y ? -1 : x > y; }
static uint32_t framed_address(const uint8_t *r, ssize_t len) { /* of an Access-Accept; 0 for none */
    for (ssize_t at = 20; at + 2 <= len && r[at + 1] >= 2; at += r[at + 1])
        if (r[at] == 8 && r[at + 1] == 6 && at + 6 <= len) return (uint32_t)r[at + 2] << 24 | r[at + 3] << 16 | r[at + 4] << 8 | r[at + 5];
    return 0;
}

int main(int argc, char **argv) {
    const char *host = "127.0.0.1", *mode_name = "pap", *file = NULL; int port = 1812, acct_port = 1813, nas = 20, unsigned_too = 0;
    long subscribers = 20000;
    for (int option; (option = getopt(argc, argv, "m:a:p:c:k:u:s:g:r:o")) != -1;) switch (option) {
        case 'm': mode_name = optarg; break;
        case 'a': host = optarg; break;
        case 'p': port = atoi(optarg); break;
        case 'c': acct_port = atoi(optarg); break;
        case 'k': take_secret(optarg); break;
        case 'u': subscribers = atol(optarg); break;
        case 's': nas = atoi(optarg); break;
        case 'g': session_prefix[0] = '0' + atoi(optarg) % 10; break; /* each storm has sessions of its own */
        case 'r': file = optarg; break;
        case 'o': unsigned_too = 1; break;
        default: return 2;
    }
    int mode = mode_named(mode_name);
    if (!secret || subscribers < 1 || nas < 1 || nas > 200 || mode == ACCT || (mode == MSCHAPV2 && !file)) {
        fprintf(stderr, "storm: an option is missing or out of range\n"); return 2;
    }
    if (file) read_responses(file, subscribers);
    int count = 2 * nas; /* even: logins, odd: accounting */
    port_t *ports = calloc(count, sizeof *ports); struct pollfd *polls = calloc(count, sizeof *polls);
    for (int i = 0; i < count; i++) {
        ports[i].fd = open_socket(i / 2, address(host, i % 2 ? acct_port : port)); ports[i].mode = i % 2 ? ACCT : mode;
        ports[i].waiting = malloc(sizeof(long) * (subscribers / nas + 2));
        if (i % 2) ports[i].waiting[ports[i].last++] = THE_NAS_ITSELF;
        polls[i] = (struct pollfd){.fd = ports[i].fd, .events = POLLIN};
    }
    framed_addresses = calloc(subscribers, sizeof *framed_addresses);
    for (long number = 0; number < subscribers; number++) { port_t *p = &ports[2 * (number % nas)]; p->waiting[p->last++] = number; }
    double *latency = malloc(sizeof(double) * subscribers), *start_latency = malloc(sizeof(double) * subscribers);
    long logged_in = 0, in = 0, rejected = 0, bad = 0, late = 0, failed = 0, by_tries[RETRIES + 2] = {0}, resent = 0;
    double begin = now(), scan = begin, logins_seconds = 0;
    while (in + rejected + failed < subscribers && now() - begin < GIVE_UP_SECONDS) {
        tick_t *tick = &timeline[(long)((now() - begin) * TICKS_A_SECOND)];
        for (int i = 0; i < count; i++) {
            port_t *p = &ports[i];
            while (p->first < p->last && p->flying < IDS) {
                int id = p->next_id; while (p->slots[id].busy) id = (id + 1) % IDS;
                p->next_id = (id + 1) % IDS; slot_t *s = &p->slots[id];
                memmove(&p->before[id][1], &p->before[id][0], sizeof *s * (KEPT - 1)); p->before[id][0] = *s;
                build(s, p->mode, id, p->waiting[p->first++], 0, i / 2);
                s->busy = 1; s->tries = 1; p->flying++; s->first = now(); send_slot(p->fd, s, s->first); tick->sent++;
            }
        }
        poll(polls, count, 10);
        for (int i = 0; i < count; i++) {
            if (!(polls[i].revents & (POLLIN | POLLERR))) continue;
            uint8_t r[4096]; ssize_t len; port_t *p = &ports[i];
            while ((len = recv(p->fd, r, sizeof r, 0)) > 0) {
                slot_t *s = &p->slots[r[1]];
                uint8_t copy[sizeof r]; memcpy(copy, r, len); /* to verify is to overwrite */
                int verdict = verify(s, copy, len, unsigned_too);
                if (verdict < 0) {
                    int earlier = 0;
                    for (int n = 0; n < KEPT && !earlier && p->before[r[1]][n].len; n++) {
                        memcpy(copy, r, len); earlier = verify(&p->before[r[1]][n], copy, len, unsigned_too) >= 0;
                    }
                    if (earlier) late++; else bad++;
                    continue;
                }
                if (!s->busy) { late++; continue; } /* the second answer to a request sent twice, or after its end */
                double took = now() - s->first; s->busy = 0; p->flying--; by_tries[s->tries]++;
                if (s->subscriber == THE_NAS_ITSELF) continue;
                if (p->mode == ACCT) { start_latency[in++] = took; tick->acknowledged++; }
                else if (verdict) {
                    latency[logged_in++] = took; framed_addresses[s->subscriber] = framed_address(r, len); tick->accepted++; logins_seconds = now() - begin;
                    port_t *acct = &ports[i + 1]; acct->waiting[acct->last++] = s->subscriber;
                } else rejected++;
            }
        }
        double t = now();
        if (t - scan < 0.01) continue;
        scan = t;
        for (int i = 0; i < count; i++) {
            port_t *p = &ports[i];
            for (int id = 0; id < IDS; id++) {
                slot_t *s = &p->slots[id];
                if (!s->busy || t - s->last < RETRY_SECONDS) continue;
                if (s->tries > RETRIES) { s->busy = 0; p->flying--; failed++; tick->failed++; continue; }
                s->tries++; resent++; tick->resent++; send_slot(p->fd, s, t);
            }
        }
    }
    double seconds = now() - begin;
    qsort(latency, logged_in, sizeof *latency, by_value); qsort(start_latency, in, sizeof *start_latency, by_value);
#define AT(values, n, share) ((n) ? values[(long)((n - 1) * (share))] * 1e3 : 0)
    long given = 0, doubled = 0;
    qsort(framed_addresses, subscribers, sizeof *framed_addresses, by_number);
    for (long n = 0; n < subscribers; n++) if (framed_addresses[n]) { given++; doubled += n && framed_addresses[n] == framed_addresses[n - 1]; }
    struct rusage used; getrusage(RUSAGE_SELF, &used);
    double cpu_ms = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    printf("{\"mode\": \"%s\", \"subscribers\": %ld, \"nas\": %d, \"logged_in\": %ld, \"in\": %ld, \"rejected\": %ld, \"bad\": %ld, \"late\": %ld, \"failed\": %ld, "
           "\"resent\": %ld, \"answered_at_try\": [%ld, %ld, %ld, %ld], \"logins_seconds\": %.3f, \"seconds\": %.3f, "
           "\"login_p50_ms\": %.1f, \"login_p99_ms\": %.1f, \"login_max_ms\": %.1f, \"start_p50_ms\": %.1f, \"start_p99_ms\": %.1f, \"start_max_ms\": %.1f, "
           "\"addresses_given\": %ld, \"addresses_doubled\": %ld, \"client_cpu_ms\": %.0f, "
           "\"timeline_columns\": [\"sent\", \"resent\", \"accepted\", \"acknowledged\", \"failed\"], \"timeline_100_ms\": [",
           mode_name, subscribers, nas, logged_in, in, rejected, bad, late, failed, resent, by_tries[1], by_tries[2], by_tries[3], by_tries[4], logins_seconds, seconds,
           AT(latency, logged_in, 0.5), AT(latency, logged_in, 0.99), AT(latency, logged_in, 1), AT(start_latency, in, 0.5), AT(start_latency, in, 0.99), AT(start_latency, in, 1),
           given, doubled, cpu_ms);
    for (long n = 0; n <= (long)(seconds * TICKS_A_SECOND); n++)
        printf("%s[%ld, %ld, %ld, %ld, %ld]", n ? ", " : "", timeline[n].sent, timeline[n].resent, timeline[n].accepted, timeline[n].acknowledged, timeline[n].failed);
    printf("]}\n");
    return 0;
}
