/* The main program of every engine: rostrum_engine_main (rostrum/engine.h).
 *
 *   parse arguments -> FRAME_HELLO -> confine -> load -> threads -> confine -> warm up
 *   -> FRAME_READY -> serve until the socket closes or FRAME_DRAIN is done -> exit
 *
 * The worker leaves when its gateway does. It ignores SIGINT, SIGTERM and SIGHUP: those
 * go to whole process groups, and a gateway that drains needs its workers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/args.h"
#include "base/log.h"
#include "engine/confine.h"
#include "engine/crew.h"
#include "engine/defaults.h"
#include "engine/hello.h"
#include "engine/wire.h"
#include "rostrum/engine.h"

#define SOCKET_FD 3
#define HOST_BYTES                                                                       \
    (64u << 20)                 /* what the allocator keeps back, output, second passes  \
                                 */
#define THREAD_BYTES (4u << 20) /* stack and working memory of one thread */
#define SLOT_BYTES (2u << 20)   /* tape and inbox of a session */
#define HELLO_TIMEOUT_MS 10000  /* the gateway sends it right after starting us */
#define SLICE_MS 50             /* how often a draining worker looks whether it is done */

typedef struct {
    const rostrum_engine *engine;
    rostrum_model *model;
    wire *wire;
    crew *crew;
    engine_hello hello;
    bool has_hello;
    status hello_status;
    diag hello_diag;
    bool draining;
    int statm_fd;             /* opened before files are out of reach */
    uint64_t cpu_us, wall_us; /* at the last report */
} host;

static uint64_t wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t process_cpu_us(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static uint32_t rss_kib(const host *h) {
    char text[128];
    ssize_t n = pread(h->statm_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    unsigned long size = 0, resident = 0;
    if (sscanf(text, "%lu %lu", &size, &resident) != 2)
        return 0;
    return (uint32_t)(resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static void send_buf(host *h, buf *b) {
    if (!b->failed)
        wire_send(h->wire, b->data, b->size);
    buf_deinit(b);
}

static void send_failed(host *h, uint8_t flags, const char *text) {
    size_t n = proto_utf8_valid(text, strlen(text));
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    proto_put_bytes(&b, FRAME_FAILED, flags, 0, 0, 0, text, n);
    send_buf(h, &b);
}

static bool take_hello(void *context, const engine_header *header,
                       const uint8_t *payload) {
    host *h = context;
    h->has_hello = true;
    if (header->type != FRAME_HELLO)
        h->hello_status =
            diag_set(&h->hello_diag, ERR_STATE, "the first frame is no hello");
    else
        h->hello_status = hello_decode(payload, header->bytes, &h->hello, &h->hello_diag);
    return false;
}

static status load_model(host *h, diag *d) {
    rostrum_setting settings[HELLO_SETTINGS_MAX];
    for (size_t i = 0; i < h->hello.n_settings; i++)
        settings[i] =
            (rostrum_setting){h->hello.settings[i].key, h->hello.settings[i].value};
    /* strings of h->hello live as long as the model; the array only for the call */
    rostrum_load_config config = {
        .model_dir = h->hello.model_dir,
        .settings = settings,
        .n_settings = h->hello.n_settings,
        .threads = h->hello.threads + (h->engine->second_pass != NULL),
    };
    rostrum_error error = {""};
    int code = defaults_load(h->engine, &config, &h->model, &error);
    if (code == ROSTRUM_OK)
        return OK;
    h->model = NULL;
    error.text[sizeof error.text - 1] = '\0';
    status s = code == ROSTRUM_E_MISSING   ? ERR_NOT_FOUND
               : code == ROSTRUM_E_INVALID ? ERR_INVALID
                                           : ERR_ENGINE;
    return diag_set(d, s, "%s", error.text[0] ? error.text : "the engine gave no reason");
}

/* Bytes of writable memory the process has, as its limit counts them. */
static uint64_t data_bytes(const host *h) {
    char text[128];
    ssize_t n = pread(h->statm_fd, text, sizeof text - 1, 0);
    unsigned long data = 0;
    if (n > 0) {
        text[n] = '\0';
        if (sscanf(text, "%*u %*u %*u %*u %*u %lu", &data) != 1)
            data = 0;
    }
    return (uint64_t)data * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Asks for no more slots than the memory limit holds when every session speaks for 30 s:
 * an admitted session must not fail for want of memory. */
static status fit_slots(host *h, diag *d) {
    if (h->hello.memory_mb == 0 || !h->engine->utterance_bytes)
        return OK;
    uint64_t limit = (uint64_t)h->hello.memory_mb << 20;
    uint64_t used =
        data_bytes(h) + (uint64_t)h->hello.threads * THREAD_BYTES + HOST_BYTES;
    uint64_t each = h->engine->utterance_bytes(h->model) + SLOT_BYTES;
    uint64_t fit = limit > used ? (limit - used) / each : 0;
    if (fit == 0)
        return diag_field(d, ERR_LIMIT, "workers.memory_mb",
                          "%u MiB hold the model and no session; %llu are needed",
                          h->hello.memory_mb,
                          (unsigned long long)((used + each) >> 20) + 1);
    if (fit < h->hello.slots) {
        log_event(LOG_WARN, "engine", "slots_limited_by_memory",
                  "asked=%u fit=%u memory_mb=%u session_kib=%u", h->hello.slots,
                  (unsigned)fit, h->hello.memory_mb, (unsigned)(each >> 10));
        h->hello.slots = (unsigned)fit;
    }
    return OK;
}

static void send_ready(host *h, const crew_facts *found, uint64_t started_us) {
    engine_facts facts = {.protocol = ENGINE_PROTO_VERSION,
                          .abi = h->engine->abi,
                          .sample_rate_hz = h->engine->sample_rate_hz,
                          .vad = found->vad,
                          .second_pass = found->second_pass,
                          .slots = h->hello.slots,
                          .load_ms = (uint32_t)((wall_us() - started_us) / 1000),
                          .rss_kib = rss_kib(h)};
    snprintf(facts.engine, sizeof facts.engine, "%s", h->engine->name);
    snprintf(facts.version, sizeof facts.version, "%s", h->engine->version);
    buf json, b;
    buf_init(&json, HELLO_BYTES_MAX);
    buf_init(&b, LIMIT_FRAME_BYTES);
    facts_encode(&json, &facts);
    proto_put_bytes(&b, FRAME_READY, 0, 0, 0, 0, json.data, json.size);
    buf_deinit(&json);
    send_buf(h, &b);
    log_event(LOG_INFO, "engine", "ready", "engine=%s slots=%u threads=%u load_ms=%u",
              facts.engine, facts.slots, h->hello.threads, facts.load_ms);
}

/* Everything between the hello and the first audio. */
static status prepare(host *h, diag *d) {
    uint64_t started_us = wall_us();
    if (h->hello.threads > h->hello.slots) /* the others would never have work */
        h->hello.threads = h->hello.slots;
    confine_config confine = {.model_dir = h->hello.model_dir,
                              .memory_mb = h->hello.memory_mb,
                              .batch = h->hello.batch};
    status s = confine_begin(&confine, d);
    if (s == OK)
        s = load_model(h, d);
    if (s == OK)
        s = confine_files(d);
    if (s == OK)
        s = fit_slots(h, d);
    if (s != OK)
        return s;
    crew_config config = {.engine = h->engine,
                          .model = h->model,
                          .threads = h->hello.threads,
                          .slots = h->hello.slots,
                          .out = h->wire};
    s = crew_create(&config, &h->crew, d);
    if (s == OK)
        s = confine_calls(d);
    crew_facts found;
    if (s == OK)
        s = crew_start(h->crew, &found, d);
    if (s == OK)
        send_ready(h, &found, started_us);
    return s;
}

/* A stream the gateway may not open is answered as one that failed and is closed. */
static void refuse_open(host *h, const engine_header *header, const char *why) {
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    proto_put_bytes(&b, FRAME_ERROR, 0, header->slot, header->generation, 0, why,
                    strlen(why));
    proto_put_empty(&b, FRAME_CLOSED, 0, header->slot, header->generation);
    send_buf(h, &b);
}

static bool broken(host *h, const char *what, unsigned type) {
    log_event(LOG_ERROR, "engine", what, "type=%u", type);
    h->hello_status = ERR_SYNTAX;
    return false;
}

/* OPEN and UPDATE. */
static bool take_listen(host *h, slot *s, const engine_header *header,
                        const uint8_t *payload) {
    engine_listen listen;
    if (proto_get_listen(payload, header->bytes, &listen) != OK)
        return broken(h, "broken_settings_from_gateway", header->type);
    if (header->type == FRAME_UPDATE) {
        if (slot_command(s, header->generation, FRAME_UPDATE, &listen) != ERR_NOT_FOUND)
            crew_post(h->crew, header->slot);
    } else if (h->draining) {
        refuse_open(h, header, "the worker is about to leave");
    } else if (slot_open(s, header->generation, &listen) != OK) {
        refuse_open(h, header, "the slot is in use");
    }
    return true;
}

static bool take_frame(void *context, const engine_header *header,
                       const uint8_t *payload) {
    host *h = context;
    if (header->type == FRAME_DRAIN) {
        h->draining = true;
        return false; /* and look at once whether all is done */
    }
    if (header->slot >= h->hello.slots)
        return broken(h, "no_such_slot", header->type);
    slot *s = crew_slot(h->crew, header->slot);
    status result = OK;
    switch (header->type) {
    case FRAME_OPEN:
    case FRAME_UPDATE:
        return take_listen(h, s, header, payload);
    case FRAME_AUDIO:
        result = slot_audio(s, header->generation, payload, header->bytes);
        break;
    case FRAME_COMMIT:
    case FRAME_CLEAR:
        result = slot_command(s, header->generation, header->type, NULL);
        break;
    case FRAME_CLOSE:
        result = slot_close(s, header->generation) ? OK : ERR_NOT_FOUND;
        break;
    default:
        return broken(h, "unexpected_frame_from_gateway", header->type);
    }
    if (result != ERR_NOT_FOUND)
        crew_post(h->crew, header->slot);
    return true;
}

/* One FRAME_LOAD. False: a thread is stuck and the worker is of no use any more. */
static bool report(host *h, unsigned *out_open) {
    engine_load load = {0};
    bool well = crew_report(h->crew, &load);
    uint64_t cpu = process_cpu_us(), wall = wall_us();
    load.rss_kib = rss_kib(h);
    if (wall > h->wall_us)
        load.cpu_permille = (uint32_t)((cpu - h->cpu_us) * 1000 / (wall - h->wall_us));
    h->cpu_us = cpu;
    h->wall_us = wall;
    *out_open = load.open;
    buf b;
    buf_init(&b, 1024);
    proto_put_load(&b, &load);
    send_buf(h, &b);
    return well;
}

static bool all_closed(host *h) {
    for (unsigned i = 0; i < h->hello.slots; i++)
        if (slot_in_use(crew_slot(h->crew, i)))
            return false;
    return true;
}

/* Serves until the gateway is gone (ERR_LOST), drained (OK), or something broke. */
static status serve(host *h) {
    uint64_t next_report_us = 0;
    for (;;) {
        if (h->draining && all_closed(h))
            return OK;
        uint64_t now = wall_us();
        if (now >= next_report_us) {
            unsigned open;
            next_report_us = now + LIMIT_HEARTBEAT_MS * 1000;
            if (!report(h, &open)) {
                log_event(LOG_ERROR, "engine", "work_does_not_end", "open=%u", open);
                return ERR_TIMEOUT;
            }
        }
        int left_ms = (int)((next_report_us - now) / 1000) + 1;
        if (h->draining && left_ms > SLICE_MS)
            left_ms = SLICE_MS;
        status s = wire_run(h->wire, left_ms, take_frame, h);
        if (s == OK)
            s = h->hello_status;
        if (s != OK)
            return s;
    }
}

static void ignore_signals(void) {
    static const int signals[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_IGN);
}

static int worker(host *h) {
    ignore_signals();
    h->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    status s = wire_create(SOCKET_FD, &h->wire);
    if (s == OK)
        s = wire_run(h->wire, HELLO_TIMEOUT_MS, take_hello, h);
    if (s == OK && !h->has_hello)
        s = ERR_TIMEOUT;
    if (s != OK) {
        log_event(LOG_ERROR, "engine", "no_hello", "why=%s", status_name(s));
        wire_destroy(h->wire);
        return EXIT_FAILED;
    }
    diag d = h->hello_diag;
    s = h->hello_status == OK ? prepare(h, &d) : h->hello_status;
    if (s != OK) {
        char text[1024];
        bool setting = h->hello_status == OK && s == ERR_INVALID;
        send_failed(h, setting ? FAILED_BY_SETTING : 0,
                    diag_format(&d, text, sizeof text));
        log_event(LOG_ERROR, "engine", "not_loaded", "why=%s", status_name(s));
        /* no more than this: half a worker's threads may stand anywhere */
        _exit(EXIT_FAILED);
    }
    s = serve(h);
    if (s != OK) {
        log_event(s == ERR_LOST ? LOG_INFO : LOG_ERROR, "engine", "leaves", "why=%s",
                  status_name(s));
        _exit(s == ERR_LOST ? EXIT_GOOD : EXIT_FAILED); /* threads work: let them fall */
    }
#ifdef ROSTRUM_SANITIZED /* leaks are looked for; else the kernel frees faster than we   \
                          */
    crew_destroy(h->crew);
    if (h->engine->unload)
        h->engine->unload(h->model);
    wire_destroy(h->wire);
    close(h->statm_fd);
    return EXIT_GOOD;
#else
    _exit(EXIT_GOOD);
#endif
}

static int describe(const rostrum_engine *engine) {
    engine_facts facts = {.protocol = ENGINE_PROTO_VERSION,
                          .abi = engine->abi,
                          .sample_rate_hz = engine->sample_rate_hz,
                          .vad = engine->vad != NULL,
                          .second_pass = engine->second_pass != NULL};
    snprintf(facts.engine, sizeof facts.engine, "%s", engine->name);
    snprintf(facts.version, sizeof facts.version, "%s", engine->version);
    buf json;
    buf_init(&json, HELLO_BYTES_MAX);
    facts_encode(&json, &facts);
    printf("%s\n", buf_text(&json));
    buf_deinit(&json);
    return EXIT_GOOD;
}

/* NULL: the vtable can be used. */
static const char *vtable_fault(const rostrum_engine *e) {
    if (e->abi != ROSTRUM_ENGINE_ABI)
        return "built for another version of rostrum/engine.h";
    if (!e->name || !e->version)
        return "without name or version";
    if (e->sample_rate_hz != LIMIT_SAMPLE_RATE_HZ)
        return "for another sample rate than 16000 Hz";
    if (!e->open || !e->feed || !e->step || !e->close)
        return "without one of the calls that every engine has";
    return NULL;
}

int rostrum_engine_main(const rostrum_engine *engine, int argc, char **argv) {
    const char *fault = vtable_fault(engine);
    if (fault) {
        fprintf(stderr, "%s: an engine %s\n", argc > 0 ? argv[0] : "engine", fault);
        return EXIT_FAILED;
    }
    if (argc == 2 && strcmp(argv[1], "--describe") == 0)
        return describe(engine);
    struct stat socket_stat;
    bool has_socket =
        fstat(SOCKET_FD, &socket_stat) == 0 && S_ISSOCK(socket_stat.st_mode);
    if (argc != 1 || !has_socket) {
        fprintf(
            stderr,
            "rostrum-engine-%s %s: a worker of rostrum, which starts it with a socket "
            "as descriptor %d\nusage: rostrum-engine-%s --describe   "
            "what it is, as JSON\n",
            engine->name, engine->version, SOCKET_FD, engine->name);
        return EXIT_USAGE;
    }
    host h = {.engine = engine, .hello_diag = DIAG_INIT};
    return worker(&h);
}
