/* A small RADIUS load client: keeps a window of requests outstanding, verifies every reply, prints one JSON line.
 *
 *   loadgen -m pap|chap|mschapv2|acct -a HOST -p PORT -k SECRET -u SUBSCRIBERS -n REQUESTS -w WINDOW
 *           [-s SOURCES] [-r FILE] [-c FILE] [-g GENERATION] [-t TURN] [-b SECONDS] [-d SECONDS] [-x RATE] [-o]
 *
 * Subscribers are user000000, user000001, … with passwords pass000000, …, drawn at random; accounting goes through
 * them in turn. Requests come from 127.0.0.11 and as many addresses after it as -s says, with a window shared fairly
 * and an identifier of its own for each outstanding request. -r names the prepared answers of MS-CHAPv2; -o takes
 * Access replies without Message-Authenticator (a server from before RFC 3579 made it usual).
 * -c names what each subscriber's NAS echoes as Class.
 * -g gives accounting sessions other ids, so that a further run is not of sessions that are known already.
 * -t begins accounting with that report of each session (0: its Start), -b says when the sessions began, in seconds
 * since 1970, so that a further run can go on with those of an earlier one. -d sends no more after that many seconds,
 * -x no more than so many a second.
 * A request unanswered for 1.1 s is sent again with the same octets, three times in all (as RouterOS does).
 */
#include "packets.h"

int main(int argc, char **argv) {
    const char *host = "127.0.0.1", *mode_name = "pap", *file = NULL, *class_file = NULL; int port = 1812, window = 64, sources = 1, unsigned_too = 0;
    long subscribers = 1, requests = 1, first_turn = 0; double most_seconds = 0, most_rate = 0;
    for (int option; (option = getopt(argc, argv, "m:a:p:k:u:n:w:s:r:c:g:t:b:d:x:o")) != -1;) switch (option) {
        case 'm': mode_name = optarg; break;
        case 'a': host = optarg; break;
        case 'p': port = atoi(optarg); break;
        case 'k': take_secret(optarg); break;
        case 'u': subscribers = atol(optarg); break;
        case 'n': requests = atol(optarg); break;
        case 'w': window = atoi(optarg); break;
        case 's': sources = atoi(optarg); break;
        case 'r': file = optarg; break;
        case 'c': class_file = optarg; break;
        case 'g': session_prefix[0] = '1' + atol(optarg) % 9; break;
        case 't': first_turn = atol(optarg); break;
        case 'b': began = atol(optarg); break;
        case 'd': most_seconds = atof(optarg); break;
        case 'x': most_rate = atof(optarg); break;
        case 'o': unsigned_too = 1; break;
        default: return 2;
    }
    int mode = mode_named(mode_name);
    if (!secret || subscribers < sources || requests < 1 || window < 1 || window > 4096 || sources < 1 || sources > 200 || (mode == MSCHAPV2 && !file)) {
        fprintf(stderr, "loadgen: an option is missing or out of range\n"); return 2;
    }
    if (file) read_responses(file, subscribers);
    if (class_file) classes = read_each(class_file, CLASS_OCTETS, subscribers);
    int sockets = (window + 127) / 128; if (sockets < sources) sockets = sources;
    int share = (window + sockets - 1) / sockets; /* at most 128 of a socket's 256 identifiers in flight */
    struct sockaddr_in to = address(host, port);
    slot_t *slots = calloc((size_t)sockets * 256, sizeof *slots);
    struct pollfd *polls = calloc(sockets, sizeof *polls);
    long *turns = calloc(sources, sizeof *turns);
    int *next_id = calloc(sockets, sizeof *next_id), *flying = calloc(sockets, sizeof *flying);
    for (int i = 0; i < sockets; i++) polls[i] = (struct pollfd){.fd = open_socket(i % sources, to), .events = POLLIN};
    double *latency = malloc(sizeof(double) * requests), begin = now(), scan = begin;
    long sent = 0, done = 0, accepted = 0, rejected = 0, bad = 0, resent = 0, lost = 0; int outstanding = 0;
    while (done + lost < requests) {
        double allowed = now() - begin;
        if (most_seconds > 0 && allowed > most_seconds && requests > sent) requests = sent; /* what is under way is waited for */
        long due = most_rate > 0 && allowed * most_rate < requests ? (long)(allowed * most_rate) : requests;
        for (int i = 0; outstanding < window && sent < due && i < sockets; i++) {
            while (flying[i] < share && outstanding < window && sent < due) {
                int id = next_id[i]; while (slots[i * 256 + id].busy) id = (id + 1) & 255;
                next_id[i] = (id + 1) & 255; slot_t *s = &slots[i * 256 + id];
                long number = draw() % (uint64_t)subscribers, turn = 0;
                if (mode == ACCT) { /* a subscriber stays with one NAS */
                    long at = i % sources + sources * turns[i % sources]++, round = subscribers / sources * sources;
                    number = at % round; turn = first_turn + at / round; /* a Start, then reports */
                }
                build(s, mode, id, number, turn, i % sources);
                s->busy = 1; s->tries = 1; s->first = now(); send_slot(polls[i].fd, s, s->first);
                sent++; outstanding++; flying[i]++;
            }
        }
        poll(polls, sockets, most_rate > 0 ? 1 : 50);
        for (int i = 0; i < sockets; i++) {
            if (!(polls[i].revents & (POLLIN | POLLERR))) continue;
            uint8_t r[4096]; ssize_t len;
            while ((len = recv(polls[i].fd, r, sizeof r, 0)) > 0) {
                slot_t *s = &slots[i * 256 + r[1]];
                int verdict = s->busy ? verify(s, r, len, unsigned_too) : -2;
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
                s->tries++; resent++; send_slot(polls[n / 256].fd, s, t);
            }
        }
    }
    double seconds = now() - begin;
    qsort(latency, done, sizeof *latency, by_value);
    printf("{\"mode\": \"%s\", \"requests\": %ld, \"answered\": %ld, \"accepted\": %ld, \"rejected\": %ld, \"bad\": %ld, \"resent\": %ld, \"lost\": %ld, "
           "\"seconds\": %.3f, \"rate\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           mode_name, requests, done, accepted, rejected, bad, resent, lost, seconds, done / seconds,
           done ? latency[done / 2] * 1e3 : 0, done ? latency[done * 99 / 100] * 1e3 : 0, done ? latency[done - 1] * 1e3 : 0);
    return bad || lost ? 1 : 0;
}
