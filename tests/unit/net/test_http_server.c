/* HTTP/1.1 over real sockets: what arrives in any pieces is answered, what is malformed
 * or too much is refused with its status, and a slow or vanished client costs little. */
#include "fixture.h"

#include <sys/ioctl.h>

typedef struct {
    net_conn *conn;
    size_t bytes;
    unsigned sum;
    uv_timer_t timer;
    bool pausing, timing, closed;
} upload;

static atomic_int opened, closed_count, paused_count, resume_now, flooded;

static void forget(uv_handle_t *handle) {
    free(handle->data);
}

static void *hello_open(net_conn *c, const net_request *r, void *app) {
    (void)app;
    char text[512], name[64] = "", q[64] = "";
    net_header(c, "X-Name", name, sizeof name);
    net_query(r->query, "q", 0, q, sizeof q);
    int n = snprintf(text, sizeof text, "path=%s q=%s name=%s peer=%s", r->path, q, name,
                     r->peer);
    net_reply(c, 200, "text/plain", NULL, text, (size_t)n);
    return NULL;
}

static void resume_when_told(uv_timer_t *timer) {
    upload *u = timer->data;
    if (u->pausing && atomic_load(&resume_now)) {
        u->pausing = false;
        net_resume(u->conn);
        uv_timer_stop(timer);
    }
}

static void *upload_open(net_conn *c, const net_request *r, void *app) {
    (void)app;
    upload *u = calloc(1, sizeof *u);
    u->conn = c;
    u->timer.data = u;
    uv_timer_init(&box.loop, &u->timer);
    u->pausing = strcmp(r->path, "/pausing") == 0;
    atomic_fetch_add(&opened, 1);
    return u;
}

static void upload_body(void *state, const uint8_t *data, size_t n) {
    upload *u = state;
    for (size_t i = 0; i < n; i++)
        u->sum = u->sum * 31 + data[i];
    u->bytes += n;
    if (u->pausing && !u->timing) {
        u->timing = true;
        net_pause(u->conn);
        atomic_fetch_add(&paused_count, 1);
        uv_timer_start(&u->timer, resume_when_told, 1, 1);
    } else if (u->pausing) {
        abort(); /* a paused connection must hand out nothing */
    }
}

static void upload_end(void *state) {
    upload *u = state;
    char text[64];
    int n = snprintf(text, sizeof text, "%zu %u", u->bytes, u->sum);
    net_reply(u->conn, 200, "text/plain", NULL, text, (size_t)n);
}

static void upload_closed(void *state) {
    upload *u = state;
    atomic_fetch_add(&closed_count, 1);
    uv_close((uv_handle_t *)&u->timer, forget);
}

static void *early_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    net_reply(c, 401, "text/plain", NULL, "no", 2);
    return NULL;
}

static void *silent_open(net_conn *c, const net_request *r, void *app) {
    (void)c;
    (void)r;
    (void)app;
    return NULL;
}

static void *stream_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    net_stream_begin(c, 200, "text/event-stream", "Cache-Control: no-store\r\n");
    assert_int_equal(net_stream_write(c, "data: one\n\n", 11), OK);
    assert_int_equal(net_stream_write(c, "", 0), OK);
    char large[5000];
    memset(large, 'x', sizeof large);
    assert_int_equal(net_stream_write(c, large, sizeof large), OK);
    net_stream_end(c);
    return NULL;
}

static void flood_closed(void *state) {
    (void)state;
    atomic_fetch_add(&closed_count, 1);
}

/* Writes to a client that does not read until told that the budget is full. */
static void *flood_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    static char block[65536];
    net_stream_begin(c, 200, "text/plain", NULL);
    for (int i = 0; i < 1000; i++) {
        if (net_stream_write(c, block, sizeof block) == ERR_LIMIT) {
            atomic_store(&flooded, i);
            return &flooded;
        }
    }
    abort(); /* 64 MB cannot have been taken */
}

static void *large_open(net_conn *c, const net_request *r, void *app) {
    (void)r;
    (void)app;
    size_t n = 3u << 20;
    char *text = malloc(n);
    memset(text, 'a', n);
    net_reply(c, 200, "text/plain", NULL, text, n);
    free(text);
    return NULL;
}

static const net_handler hello = {.open = hello_open};
static const net_handler uploads = {.open = upload_open,
                                    .body = upload_body,
                                    .body_end = upload_end,
                                    .closed = upload_closed};
static const net_handler early = {.open = early_open};
static const net_handler silent = {.open = silent_open};
static const net_handler stream = {.open = stream_open};
static const net_handler flood = {.open = flood_open, .closed = flood_closed};
static const net_handler large = {.open = large_open};

static const net_route routes[] = {
    {NET_GET, false, "/hello", &hello},      {NET_POST, false, "/upload", &uploads},
    {NET_POST, false, "/pausing", &uploads}, {NET_POST, false, "/early", &early},
    {NET_GET, false, "/silent", &silent},    {NET_GET, false, "/stream", &stream},
    {NET_GET, false, "/flood", &flood},      {NET_GET, false, "/large", &large},
    {NET_GET, false, "/items/*", &hello},    {0, true, "/socket", &silent},
};

static const net_server_config config = {.routes = routes,
                                         .n_routes = sizeof routes / sizeof routes[0],
                                         .max_connections = 64};

static int start(void **state) {
    (void)state;
    atomic_store(&opened, 0);
    atomic_store(&closed_count, 0);
    atomic_store(&paused_count, 0);
    atomic_store(&resume_now, 0);
    atomic_store(&flooded, -1);
    fixture_start(&config);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end();
    return 0;
}

static void a_head_may_come_byte_by_byte(void **state) {
    (void)state;
    char answer[2048];
    int fd = client_connect();
    const char *request = "GET /hello?q=a%20b+c HTTP/1.1\r\nHost: x\r\nX-Name: n\r\n\r\n";
    for (const char *at = request; *at; at++)
        client_send(fd, at, 1);
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "path=/hello q=a b c name=n peer=127.0.0.1"));
    assert_non_null(strstr(answer, "\r\nDate: "));
    close(fd);
}

static void requests_in_one_packet_are_answered_in_order(void **state) {
    (void)state;
    char answer[2048];
    int fd = client_connect();
    client_say(fd,
               "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"
               "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n"
               "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2;ext=1\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n"
               "GET /items/2 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "path=/items/1"));
    for (int i = 0; i < 2; i++) { /* the same bytes, however framed */
        assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
        assert_non_null(strstr(answer, "\r\n\r\n3 96354"));
    }
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "path=/items/2"));
    assert_int_equal(atomic_load(&opened), 2);
    assert_true(eventually(&closed_count, 2));
    close(fd);
}

static void malformed_requests_are_refused_with_their_status(void **state) {
    (void)state;
#define HOST "Host: x\r\n"
    static const struct {
        const char *request;
        int http_status;
    } rows[] = {
        {"GET /hello HTTP/1.1\r\n\r\n", 400},                     /* no Host */
        {"GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400},        /* two of them */
        {"GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400},         /* blank before colon */
        {"GET /hello HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400},  /* folded line */
        {"GET /hello HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400}, /* control character */
        {"GET  /hello HTTP/1.1\r\n" HOST "\r\n", 400},            /* two blanks */
        {"GET /hello\r\n" HOST "\r\n", 400},                      /* no version */
        {"GET hello HTTP/1.1\r\n" HOST "\r\n", 400},              /* no slash */
        {"GET /he%0 HTTP/1.1\r\n" HOST "\r\n", 400},              /* broken escape */
        {"GET /he%00llo HTTP/1.1\r\n" HOST "\r\n", 400},          /* escaped NUL */
        {"G@T /hello HTTP/1.1\r\n" HOST "\r\n", 400},             /* no token */
        {"GET /hello HTTP/2.0\r\n" HOST "\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\n", 505}, /* HTTP/2 by prior knowledge */
        {"POST /upload HTTP/1.1\r\n" HOST
         "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
         400},
        {"POST /upload HTTP/1.1\r\n" HOST
         "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400}, /* both: how requests are smuggled */
        {"POST /upload HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400},
        {"POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1x\r\n\r\n", 400},
        {"POST /upload HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501},
        {"POST /upload HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nz\r\n", 400},
        {"POST /upload HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n", 413},
        {"POST /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"BREW /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404},
        {"GET /socket HTTP/1.1\r\n" HOST "\r\n", 426},
        {"GET /silent HTTP/1.1\r\n" HOST "\r\n", 500}, /* a handler that forgot */
        {"OPTIONS /hello HTTP/1.1\r\n" HOST "\r\n", 204},
        {"GET http://other/hello HTTP/1.1\r\n" HOST "\r\n", 200}, /* absolute form */
        {"GET /hello HTTP/1.0\r\n\r\n", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char answer[4096];
        int fd = client_connect();
        client_say(fd, rows[i].request);
        int got = client_answer(fd, answer, sizeof answer);
        if (got != rows[i].http_status)
            fail_msg("row %zu: %s is answered %d:\n%s", i, rows[i].request, got, answer);
        if (got == 405)
            assert_non_null(strstr(answer, "Allow: GET, HEAD, OPTIONS\r\n"));
        if (got >= 400)
            assert_non_null(strstr(answer, "{\"error\":{\"message\":\""));
        close(fd);
    }
}

static void a_huge_head_is_refused_and_the_connection_closed(void **state) {
    (void)state;
    char answer[4096], block[1024];
    int fd = client_connect();
    client_say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ");
    memset(block, 'a', sizeof block);
    for (int i = 0; i < 200; i++)
        client_send(fd, block, sizeof block);
    client_read(fd, answer, sizeof answer, NULL); /* to the end of the stream */
    assert_non_null(strstr(answer, "HTTP/1.1 431 "));
    close(fd);

    fd = client_connect();
    client_say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < LIMIT_HTTP_FIELDS; i++)
        client_say(fd, "A: b\r\n");
    client_say(fd, "\r\n");
    client_read(fd, answer, sizeof answer, NULL);
    assert_non_null(strstr(answer, "HTTP/1.1 431 "));
    close(fd);
}

static void head_answers_without_a_body(void **state) {
    (void)state;
    char answer[2048];
    int fd = client_connect();
    client_say(fd,
               "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n"
               "Connection: close\r\n\r\n");
    client_read(fd, answer, sizeof answer, NULL);
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    char *second = strstr(answer + 1, "HTTP/1.1 200 OK\r\n");
    assert_non_null(second);
    assert_memory_equal(second - 4, "\r\n\r\n", 4);
    assert_non_null(strstr(second, "Connection: close\r\n"));
    assert_non_null(strstr(second, "path=/hello"));
    close(fd);
}

static void a_client_that_asks_first_is_told_to_go_on(void **state) {
    (void)state;
    char answer[2048];
    int fd = client_connect();
    client_say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   "Content-Length: 3\r\n\r\n");
    client_read(fd, answer, sizeof answer, "\r\n\r\n");
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(fd, "abc");
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    close(fd);
    /* ... or refused before it has sent anything */
    fd = client_connect();
    client_say(fd, "POST /early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   "Content-Length: 3000000\r\n\r\n");
    client_read(fd, answer, sizeof answer, NULL);
    assert_memory_equal(answer, "HTTP/1.1 401 ", 13);
    close(fd);
}

static void a_refusal_survives_an_upload_that_goes_on(void **state) {
    (void)state;
    char answer[2048], block[4096] = {0};
    int fd = client_connect();
    client_say(fd, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n");
    for (int i = 0; i < 300; i++)
        client_send(fd, block, sizeof block);
    client_read(fd, answer, sizeof answer, NULL);
    assert_memory_equal(answer, "HTTP/1.1 401 ", 13);
    assert_non_null(strstr(answer, "\r\n\r\nno"));
    close(fd);
    /* a short body that nobody wanted does not cost the connection */
    fd = client_connect();
    client_say(fd, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12");
    assert_int_equal(client_answer(fd, answer, sizeof answer), 401);
    client_say(fd, "345GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    close(fd);
}

static void
a_body_over_the_limit_is_refused_though_its_length_was_not_told(void **state) {
    (void)state;
    char answer[2048];
    static char block[65536 + 16];
    int fd = client_connect();
    client_say(fd,
               "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    memcpy(block, "10000\r\n", 7);
    memcpy(block + 7 + 65536, "\r\n", 2);
    for (int i = 0; i < 27 * 16; i++)
        client_send(fd, block, 7 + 65536 + 2);
    client_read(fd, answer, sizeof answer, NULL);
    assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
    assert_true(eventually(&closed_count, 1));
    close(fd);
}

static void a_paused_upload_is_held_back_by_tcp_and_then_complete(void **state) {
    (void)state;
    enum { TOTAL = 24 << 20 };
    char answer[2048];
    int fd = client_connect();
    char *body = malloc(TOTAL);
    unsigned sum = 0;
    for (size_t i = 0; i < TOTAL; i++) {
        body[i] = (char)(i * 7 >> 3);
        sum = sum * 31 + (uint8_t)body[i];
    }
    char head[128];
    snprintf(head, sizeof head,
             "POST /pausing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", TOTAL);
    client_say(fd, head);
    client_send(fd, body, 1);
    assert_true(eventually(&paused_count, 1));
    size_t sent = 1;
    for (int refused = 0; refused < 50;) { /* until the socket takes nothing for 50 ms */
        ssize_t n = send(fd, body + sent, TOTAL - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            refused = 0;
        } else {
            refused++;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    assert_in_range(sent, 1, 12 << 20); /* kernel buffers of both ends, no more */
    atomic_store(&resume_now, 1);
    client_send(fd, body + sent, TOTAL - sent);
    assert_int_equal(client_answer(fd, answer, sizeof answer), 200);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n\r\n%d %u", TOTAL, sum);
    assert_non_null(strstr(answer, wanted));
    free(body);
    close(fd);
}

static void a_streamed_answer_is_chunked_or_ended_by_the_close(void **state) {
    (void)state;
    static char answer[16384];
    int fd = client_connect();
    client_say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read(fd, answer, sizeof answer, NULL);
    assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\nb\r\ndata: one\n\n\r\n1388\r\nxxx"));
    assert_non_null(strstr(answer, "x\r\n0\r\n\r\n"));
    close(fd);
    fd = client_connect();
    client_say(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    size_t n = client_read(fd, answer, sizeof answer, NULL);
    assert_null(strstr(answer, "chunked"));
    assert_non_null(strstr(answer, "\r\n\r\ndata: one\n\nxxx"));
    assert_int_equal(answer[n - 1], 'x');
    close(fd);
}

static void an_answer_larger_than_every_buffer_arrives_whole(void **state) {
    (void)state;
    static char answer[4 << 20];
    int fd = client_connect();
    client_say(fd,
               "GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n"
               "Connection: close\r\n\r\n");
    size_t n = client_read(fd, answer, sizeof answer, NULL);
    assert_in_range(n, 3u << 20, (3u << 20) + 1024);
    assert_non_null(strstr(answer + (3u << 20), "path=/hello"));
    close(fd);
}

static void a_client_that_does_not_read_is_closed_at_its_budget(void **state) {
    (void)state;
    int fd = client_connect();
    client_say(fd, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(eventually(&closed_count, 1));
    /* the kernel's buffers and LIMIT_SEND_BYTES, in blocks of 64 KiB */
    assert_in_range(atomic_load(&flooded), 4, 160);
    assert_int_equal(fixture_get_stats().closed_slow_reader, 1);
    close(fd);
}

static void a_reset_in_mid_body_is_told_to_the_handler(void **state) {
    (void)state;
    int fd = client_connect();
    client_say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    assert_true(eventually(&opened, 1));
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_true(eventually(&closed_count, 1));
}

static void connections_over_the_limit_are_turned_away(void **state) {
    (void)state;
    int fds[64];
    char answer[1024];
    for (size_t i = 0; i < 64; i++) {
        fds[i] = client_connect();
        client_say(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(client_answer(fds[i], answer, sizeof answer), 200);
    }
    int over = client_connect();
    client_read(over, answer, sizeof answer, NULL);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(answer, "Retry-After: "));
    close(over);
    for (size_t i = 0; i < 64; i++)
        close(fds[i]);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(a_head_may_come_byte_by_byte),
        CASE(requests_in_one_packet_are_answered_in_order),
        CASE(malformed_requests_are_refused_with_their_status),
        CASE(a_huge_head_is_refused_and_the_connection_closed),
        CASE(head_answers_without_a_body),
        CASE(a_client_that_asks_first_is_told_to_go_on),
        CASE(a_refusal_survives_an_upload_that_goes_on),
        CASE(a_body_over_the_limit_is_refused_though_its_length_was_not_told),
        CASE(a_paused_upload_is_held_back_by_tcp_and_then_complete),
        CASE(a_streamed_answer_is_chunked_or_ended_by_the_close),
        CASE(an_answer_larger_than_every_buffer_arrives_whole),
        CASE(a_client_that_does_not_read_is_closed_at_its_budget),
        CASE(a_reset_in_mid_body_is_told_to_the_handler),
        CASE(connections_over_the_limit_are_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
