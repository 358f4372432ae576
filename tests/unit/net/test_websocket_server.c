/* WebSocket over real sockets: frames in any pieces, control frames between them, every
 * violation closed with its code, refusal at the upgrade, and what an idle one costs. */
#include "fixture.h"

#include <malloc.h>

typedef struct {
    net_conn *conn;
    char text[65536];
    size_t n;
    unsigned pieces, firsts, lasts;
    bool established, pause_first, flood;
    uv_timer_t timer;
} session;

static atomic_int opened, closed_count, messages, paused_now, resume_now, flooded;

static void forget(uv_handle_t *handle) {
    free(handle->data);
}

static void *session_open(net_conn *c, const net_request *r, void *app) {
    (void)app;
    char offered[256];
    if (net_header(c, "sec-websocket-protocol", offered, sizeof offered) > 0 &&
        strstr(offered, "realtime"))
        net_select_subprotocol(c, "realtime");
    session *s = calloc(1, sizeof *s);
    s->conn = c;
    s->pause_first = strcmp(r->query, "pause=1") == 0;
    s->flood = strcmp(r->query, "flood=1") == 0;
    s->timer.data = s;
    uv_timer_init(&box.loop, &s->timer);
    return s;
}

static void session_established(void *state) {
    session *s = state;
    s->established = true;
    atomic_fetch_add(&opened, 1);
    if (!s->flood)
        return;
    static char block[60000];
    memset(block, 'f', sizeof block);
    for (int i = 0; i < 1000; i++) {
        if (net_ws_text(s->conn, block, sizeof block) == ERR_LIMIT) {
            atomic_store(&flooded, i);
            return;
        }
    }
}

static void resume_when_told(uv_timer_t *timer) {
    session *s = timer->data;
    if (atomic_load(&resume_now)) {
        s->pause_first = false;
        uv_timer_stop(timer);
        net_resume(s->conn);
    }
}

/* Echoes text messages; answers binary ones with their size and pieces; "bye" closes. */
static void session_message(void *state, const uint8_t *data, size_t n, bool binary,
                            bool first, bool last) {
    session *s = state;
    if (!s->established)
        abort();
    if (s->pause_first && atomic_load(&paused_now))
        abort(); /* paused connections must be silent */
    if (first)
        s->n = s->pieces = 0;
    s->pieces++;
    if (!binary && s->n + n < sizeof s->text)
        memcpy(s->text + s->n, data, n);
    s->n += n;
    if (!last)
        return;
    atomic_fetch_add(&messages, 1);
    char text[64];
    int text_n = snprintf(text, sizeof text, "%zu", s->n);
    status sent = binary ? net_ws_text(s->conn, text, (size_t)text_n)
                         : net_ws_text(s->conn, s->text, s->n);
    if (sent != OK)
        abort();
    if (!binary && s->n == 3 && memcmp(s->text, "bye", 3) == 0)
        net_ws_close(s->conn, 4001, "as you like");
    if (s->pause_first) {
        net_pause(s->conn);
        atomic_store(&paused_now, 1);
        uv_timer_start(&s->timer, resume_when_told, 1, 1);
    }
}

static void session_closed(void *state) {
    session *s = state;
    atomic_fetch_add(&closed_count, 1);
    uv_close((uv_handle_t *)&s->timer, forget);
}

static void *full_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    net_refuse(c, 429, 7, "{\"error\":{\"message\":\"full\"}}");
    return NULL;
}

static void *plain_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    atomic_fetch_add(&opened, 1);
    return c; /* a session of no bytes of its own */
}

static void plain_closed(void *state) {
    (void)state;
    atomic_fetch_add(&closed_count, 1);
}

static const net_handler echo = {.open = session_open,
                                 .established = session_established,
                                 .message = session_message,
                                 .closed = session_closed};
static const net_handler full = {.open = full_open};
static const net_handler plain = {.open = plain_open, .closed = plain_closed};

static const net_route routes[] = {
    {0, true, "/echo", &echo}, {0, true, "/full", &full}, {0, true, "/plain", &plain}};

static const net_server_config config = {.routes = routes,
                                         .n_routes = sizeof routes / sizeof routes[0],
                                         .max_connections = 2048};

static int start(void **state) {
    (void)state;
    atomic_int *counters[] = {&opened,     &closed_count, &messages,
                              &paused_now, &resume_now,   &flooded};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        atomic_store(counters[i], 0);
    fixture_start(&config);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end();
    return 0;
}

/* ---- a client's side of the protocol ---- */

static int upgrade(const char *path, const char *more, char *answer, size_t size) {
    int fd = client_connect();
    char request[1024];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\n"
             "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             path, more);
    client_say(fd, request);
    client_read(fd, answer, size, "\r\n\r\n");
    return fd;
}

static int open_echo(const char *path) {
    char answer[1024];
    int fd = upgrade(path, "", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
    return fd;
}

/* One masked frame; first is the whole first byte. */
static size_t make_frame(uint8_t *out, uint8_t first, const void *data, size_t n) {
    static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    size_t at = 0;
    out[at++] = first;
    if (n < 126) {
        out[at++] = (uint8_t)(0x80 | n);
    } else if (n < 65536) {
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(n >> 8);
        out[at++] = (uint8_t)n;
    } else {
        out[at++] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            out[at++] = (uint8_t)((uint64_t)n >> (8 * i));
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        out[at + i] = ((const uint8_t *)data)[i] ^ mask[i & 3];
    return at + n;
}

static void send_frame(int fd, uint8_t first, const void *data, size_t n) {
    uint8_t *frame = malloc(n + 14);
    client_send(fd, frame, make_frame(frame, first, data, n));
    free(frame);
}

/* Reads one server frame; returns its first byte, 0 at the end of the stream. */
static uint8_t read_frame(int fd, char *out, size_t size, size_t *out_n) {
    uint8_t head[2], more[8];
    *out_n = 0;
    if (!client_take(fd, head, 2))
        return 0;
    assert_false(head[1] & 0x80); /* a server never masks */
    size_t n = head[1];
    if (n >= 126) {
        size_t bytes = n == 126 ? 2 : 8;
        if (!client_take(fd, more, bytes))
            return 0;
        n = 0;
        for (size_t i = 0; i < bytes; i++)
            n = n << 8 | more[i];
    }
    assert_true(n < size);
    if (!client_take(fd, out, n))
        return 0;
    out[n] = '\0';
    *out_n = n;
    return head[0];
}

/* The next frame that is no ping of the server. */
static uint8_t read_answer(int fd, char *out, size_t size, size_t *out_n) {
    uint8_t first;
    while ((first = read_frame(fd, out, size, out_n)) == 0x89)
        ;
    return first;
}

static void expect_text(int fd, const char *text) {
    static char got[70000];
    size_t n;
    assert_int_equal(read_answer(fd, got, sizeof got, &n), 0x81);
    assert_string_equal(got, text);
}

static void expect_close(int fd, unsigned code) {
    char got[256];
    size_t n;
    uint8_t first = read_frame(fd, got, sizeof got, &n);
    if (first != 0x88)
        fail_msg("expected close %u, got frame 0x%02x", code, first);
    assert_int_equal(n >= 2 ? (uint8_t)got[0] << 8 | (uint8_t)got[1] : 1005, code);
}

static void expect_end(int fd) {
    char byte;
    assert_false(client_take(fd, &byte, 1));
}

/* ---- */

static void the_handshake_is_the_one_of_the_rfc(void **state) {
    (void)state;
    char answer[1024];
    int fd = upgrade("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n", answer,
                     sizeof answer);
    assert_non_null(
        strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_null(strstr(answer, "Extensions")); /* declined */
    assert_null(strstr(answer, "Sec-WebSocket-Protocol"));
    close(fd);
    fd = upgrade("/echo",
                 "Sec-WebSocket-Protocol: openai-insecure-api-key.k\r\n"
                 "Sec-WebSocket-Protocol: realtime\r\n",
                 answer, sizeof answer);
    assert_non_null(strstr(answer, "Sec-WebSocket-Protocol: realtime\r\n"));
    assert_null(strstr(answer, "insecure"));
    close(fd);
}

static void a_bad_upgrade_is_refused_with_http(void **state) {
    (void)state;
    static const struct {
        const char *request;
        int http_status;
    } rows[] = {
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426}, /* an old draft */
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
         400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: short==\r\n",
         400},
        {"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 426}, /* no Connection */
        {"Upgrade: h2c\r\nConnection: Upgrade\r\n", 426},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char answer[1024], request[512];
        int fd = client_connect();
        snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\nHost: x\r\n%s\r\n",
                 rows[i].request);
        client_say(fd, request);
        assert_int_equal(client_answer(fd, answer, sizeof answer), rows[i].http_status);
        close(fd);
    }
    assert_int_equal(atomic_load(&opened), 0);
}

static void capacity_is_refused_at_the_upgrade(void **state) {
    (void)state;
    char answer[1024];
    int fd = upgrade("/full", "", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 429 Too Many Requests\r\n", 32);
    assert_non_null(strstr(answer, "Retry-After: 7\r\n"));
    assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    char body[64] = "";
    assert_true(client_take(fd, body, 28));
    assert_string_equal(body, "{\"error\":{\"message\":\"full\"}}");
    assert_int_equal(recv(fd, body, sizeof body, 0), 0); /* not kept for nobody */
    close(fd);
}

static void frames_may_come_in_any_pieces(void **state) {
    (void)state;
    int fd = open_echo("/echo");
    uint8_t frame[256];
    size_t n = make_frame(frame, 0x81, "one byte at a time", 18);
    for (size_t i = 0; i < n; i++)
        client_send(fd, frame + i, 1);
    expect_text(fd, "one byte at a time");
    /* several frames in one packet, the first right behind the handshake */
    n = make_frame(frame, 0x81, "a", 1);
    n += make_frame(frame + n, 0x81, "", 0);
    n += make_frame(frame + n, 0x81, "c", 1);
    client_send(fd, frame, n);
    expect_text(fd, "a");
    expect_text(fd, "");
    expect_text(fd, "c");
    close(fd);
}

static void fragments_are_one_message_with_pings_between(void **state) {
    (void)state;
    int fd = open_echo("/echo");
    char got[256];
    size_t n;
    send_frame(fd, 0x01, "frag", 4);
    send_frame(fd, 0x89, "are you there", 13);
    send_frame(fd, 0x00, "", 0);
    send_frame(fd, 0x00, "ment\xC3", 5); /* a character split between fragments */
    send_frame(fd, 0x80, "\xA9", 1);
    assert_int_equal(read_frame(fd, got, sizeof got, &n), 0x8A);
    assert_string_equal(got, "are you there");
    expect_text(fd, "fragment\xC3\xA9");
    send_frame(fd, 0x8A, "unasked pong", 12);
    send_frame(fd, 0x81, "x", 1);
    expect_text(fd, "x");
    close(fd);
}

static void a_large_binary_message_is_passed_in_pieces(void **state) {
    (void)state;
    int fd = open_echo("/echo");
    uint8_t *audio = calloc(1, LIMIT_WS_MESSAGE_BYTES);
    send_frame(fd, 0x82, audio, LIMIT_WS_MESSAGE_BYTES);
    expect_text(fd, "1048576"); /* the limit itself is allowed */
    send_frame(fd, 0x82, audio, 640);
    expect_text(fd, "640");
    free(audio);
    close(fd);
}

static void violations_are_closed_with_their_code(void **state) {
    (void)state;
    uint8_t *large = calloc(1, LIMIT_WS_MESSAGE_BYTES + 16);
    static const struct {
        const char *bytes;
        size_t n;
        unsigned code;
    } rows[] = {
        {"\x81\x01x", 3, 1002},                         /* not masked */
        {"\xC1\x81mask\x00", 7, 1002},                  /* reserved bit */
        {"\x83\x81mask\x00", 7, 1002},                  /* reserved opcode */
        {"\x80\x81mask\x00", 7, 1002},                  /* nothing to continue */
        {"\x01\x81mask\x19\x81\x81mask\x00", 14, 1002}, /* a message inside another */
        {"\x09\x81mask\x00", 7, 1002},                  /* fragmented ping */
        {"\x89\xFE\x00\x7Emask", 8, 1002},              /* ping of 126 bytes */
        {"\x81\xFE\x00\x05mask", 8, 1002},              /* not the shortest length */
        {"\x82\xFF\x80\x00\x00\x00\x00\x00\x00\x00mask", 14, 1002}, /* 2^63 bytes */
        {"\x82\xFF\x00\x00\x00\x00\x00\x10\x00\x01mask", 14, 1009}, /* one too many */
        {"\x81\x81\x00\x00\x00\x00\xFF", 7, 1007},                  /* not UTF-8 */
        {"\x81\x81\x00\x00\x00\x00\xC3", 7, 1007},     /* ends inside a character */
        {"\x88\x82\x00\x00\x00\x00\x03\xED", 8, 1002}, /* close code 1005 on the wire */
        {"\x88\x81\x00\x00\x00\x00\x03", 7, 1002},     /* half a close code */
        {"\x88\x83\x00\x00\x00\x00\x03\xE8\xFF", 9, 1007}, /* reason is not UTF-8 */
        {"\x88\x80\x00\x00\x00\x00", 6, 1005},             /* a close without a code */
        {"\x88\x82\x00\x00\x00\x00\x0F\xA0", 8, 4000},     /* ours is the peer's */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = open_echo("/echo");
        client_send(fd, rows[i].bytes, rows[i].n);
        expect_close(fd, rows[i].code);
        expect_end(fd);
        close(fd);
    }
    int fd = open_echo("/echo"); /* the limit counts the message, not the frame */
    send_frame(fd, 0x02, large, LIMIT_WS_MESSAGE_BYTES - 1);
    send_frame(fd, 0x80, "xy", 2);
    expect_close(fd, 1009);
    close(fd);
    free(large);
    assert_true(eventually(&closed_count, (int)(sizeof rows / sizeof rows[0]) + 1));
    assert_int_equal(atomic_load(&messages), 0);
}

static void the_server_closes_after_what_it_queued(void **state) {
    (void)state;
    int fd = open_echo("/echo");
    send_frame(fd, 0x81, "bye", 3);
    expect_text(fd, "bye");
    char got[256];
    size_t n;
    assert_int_equal(read_frame(fd, got, sizeof got, &n), 0x88);
    assert_int_equal((uint8_t)got[0] << 8 | (uint8_t)got[1], 4001);
    assert_string_equal(got + 2, "as you like");
    assert_true(eventually(&closed_count, 1)); /* before the peer answers */
    send_frame(fd, 0x88, "\x0F\xA1", 2);
    expect_end(fd);
    close(fd);
}

static void a_paused_socket_is_silent_and_loses_nothing(void **state) {
    (void)state;
    int fd = open_echo("/echo?pause=1");
    uint8_t frames[1024];
    size_t n = 0;
    for (char i = '0'; i <= '9'; i++)
        n += make_frame(frames + n, 0x81, &i, 1);
    client_send(fd, frames, n); /* all in one packet: the pause falls in its middle */
    expect_text(fd, "0");
    assert_true(eventually(&paused_now, 1));
    send_frame(fd, 0x81, "late", 4);
    atomic_store(&resume_now, 1);
    char text[2] = "";
    for (char i = '1'; i <= '9'; i++) {
        text[0] = i;
        expect_text(fd, text);
    }
    expect_text(fd, "late");
    close(fd);
}

static void a_client_that_does_not_read_is_closed_at_its_budget(void **state) {
    (void)state;
    int fd = open_echo("/echo?flood=1");
    assert_true(eventually(&closed_count, 1));
    assert_in_range(atomic_load(&flooded), 4, 160);
    assert_int_equal(fixture_get_stats().closed_slow_reader, 1);
    /* whole messages, then why it was closed */
    static char got[60100];
    size_t n;
    int opcode;
    while ((opcode = read_answer(fd, got, sizeof got, &n)) == 0x81)
        assert_int_equal(n, 60000);
    assert_int_equal(opcode, 0x88);
    assert_int_equal((uint8_t)got[0] << 8 | (uint8_t)got[1], 1008);
    got[n] = '\0';
    assert_string_equal(got + 2, "what was sent to you is not being read");
    close(fd);
}

/* A client may send for long before it reads: it is slowed down, not closed. */
static void answers_nobody_reads_yet_hold_back_the_questions(void **state) {
    (void)state;
    enum { BYTES = 1000, FRAMES = 20000 };
    int fd = open_echo("/echo");
    static char text[BYTES];
    static uint8_t frame[BYTES + 16];
    memset(text, 'q', sizeof text);
    size_t frame_n = make_frame(frame, 0x81, text, BYTES), at = 0;
    unsigned sent = 0;
    for (int refused = 0; sent < FRAMES && refused < 50;) {
        ssize_t n = send(fd, frame + at, frame_n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
            refused++;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            continue;
        }
        refused = 0;
        at += (size_t)n;
        if (at == frame_n) {
            at = 0;
            sent++;
        }
    }
    assert_in_range(sent, 1, FRAMES - 1); /* it was held back */
    assert_int_equal(atomic_load(&closed_count), 0);
    char got[BYTES + 1];
    size_t n;
    for (unsigned i = 0; i < sent; i++) {
        assert_int_equal(read_answer(fd, got, sizeof got, &n), 0x81);
        assert_int_equal(n, BYTES);
    }
    client_send(fd, frame + at, frame_n - at);
    assert_int_equal(read_answer(fd, got, sizeof got, &n), 0x81);
    close(fd);
}

static void a_reset_is_told_to_the_handler(void **state) {
    (void)state;
    int fd = open_echo("/echo");
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_true(eventually(&closed_count, 1));
}

static void a_silent_socket_is_asked_whether_it_lives(void **state) {
    (void)state;
    int fd = open_echo("/plain");
    char got[256];
    size_t n;
    assert_int_equal(read_frame(fd, got, sizeof got, &n), 0x89); /* within 5 s */
    assert_int_equal(n, 0);
    /* No pong is sent: TCP has acknowledged the ping, so the client is there. */
    assert_int_equal(read_frame(fd, got, sizeof got, &n), 0x89);
    assert_int_equal(read_frame(fd, got, sizeof got, &n), 0x89);
    assert_int_equal(atomic_load(&closed_count), 0);
    close(fd);
}

static void an_idle_socket_costs_little_memory(void **state) {
    (void)state;
#ifndef ROSTRUM_SANITIZED
    enum { WARM = 50, MANY = 400 };
    static int fds[WARM + MANY];
    for (int i = 0; i < WARM; i++)
        fds[i] = open_echo("/plain");
    assert_true(eventually(&opened, WARM));
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < MANY; i++)
        fds[WARM + i] = open_echo("/plain");
    assert_true(eventually(&opened, WARM + MANY));
    fixture_get_stats(); /* the server's thread has done all it had to */
    size_t each = (mallinfo2().uordblks - before) / MANY;
    print_message("           %zu bytes of user memory an idle WebSocket\n", each);
    assert_in_range(each, 1, 4096);
    for (int i = 0; i < WARM + MANY; i++)
        close(fds[i]);
    assert_true(eventually(&closed_count, WARM + MANY));
#endif
}

static void a_server_that_goes_away_says_so(void **state) {
    start(state);
    int fd = open_echo("/echo");
    fixture_end();
    expect_close(fd, 1001);
    expect_end(fd);
    assert_int_equal(atomic_load(&closed_count), 1);
    assert_false(atomic_load(&box.running));
    close(fd);
}

int main(void) {
    mallopt(M_ARENA_MAX, 1); /* mallinfo2 sees the first arena only */
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(the_handshake_is_the_one_of_the_rfc),
        CASE(a_bad_upgrade_is_refused_with_http),
        CASE(capacity_is_refused_at_the_upgrade),
        CASE(frames_may_come_in_any_pieces),
        CASE(fragments_are_one_message_with_pings_between),
        CASE(a_large_binary_message_is_passed_in_pieces),
        CASE(violations_are_closed_with_their_code),
        CASE(the_server_closes_after_what_it_queued),
        CASE(a_paused_socket_is_silent_and_loses_nothing),
        CASE(a_client_that_does_not_read_is_closed_at_its_budget),
        CASE(answers_nobody_reads_yet_hold_back_the_questions),
        CASE(a_reset_is_told_to_the_handler),
        CASE(a_silent_socket_is_asked_whether_it_lives),
        CASE(an_idle_socket_costs_little_memory),
        cmocka_unit_test(a_server_that_goes_away_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
