/* The WebSocket client against a scripted server on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/client_ws.h"

/* What the server says once it has read the request head, and after each later read. */
typedef struct {
    const char *head; /* "" answers 101 properly, else these bytes as they are */
    const uint8_t *frames;
    size_t frames_n;
    size_t step;  /* bytes a write; 0: all at once */
    bool hang_up; /* close after that */
} script;

static struct {
    uv_loop_t loop;
    uv_tcp_t listener, peer;
    bool peer_open, answered;
    const script *play;
    buf from_client; /* after the request */
    buf request;
    client_ws *client;
    unsigned opened, texts, closed;
    char text[8][600];
    int close_code, http_status;
    unsigned retry_after_s;
    diag why;
    unsigned close_after; /* texts after which the client closes */
    size_t send_n;        /* bytes the client sends when open */
} w;

static void on_written(uv_write_t *request, int result) {
    (void)result;
    free(request->data);
    free(request);
}

static void serve_bytes(const void *bytes, size_t n) {
    uv_write_t *request = malloc(sizeof *request);
    assert_non_null(request);
    request->data = malloc(n);
    assert_non_null(request->data);
    memcpy(request->data, bytes, n);
    uv_buf_t b = uv_buf_init(request->data, (unsigned)n);
    assert_int_equal(uv_write(request, (uv_stream_t *)&w.peer, &b, 1, on_written), 0);
}

static void close_peer(void) {
    if (w.peer_open && !uv_is_closing((uv_handle_t *)&w.peer))
        uv_close((uv_handle_t *)&w.peer, NULL);
}

static void answer(void) {
    const char *key = strstr(buf_text(&w.request), "Sec-WebSocket-Key: ");
    char nonce[CLIENT_NONCE_CHARS + 1] = {0}, accept[CLIENT_ACCEPT_CHARS + 1], head[256];
    assert_non_null(key);
    memcpy(nonce, key + strlen("Sec-WebSocket-Key: "), CLIENT_NONCE_CHARS);
    client_accept(nonce, accept);
    snprintf(head, sizeof head, "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    const char *text = w.play->head[0] != '\0' ? w.play->head : head;
    serve_bytes(text, strlen(text));
    size_t step = w.play->step > 0 ? w.play->step : w.play->frames_n;
    for (size_t at = 0; at < w.play->frames_n; at += step) {
        size_t left = w.play->frames_n - at;
        serve_bytes(w.play->frames + at, left < step ? left : step);
    }
    w.answered = true;
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    static char bytes[65536];
    (void)handle, (void)wanted;
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void on_peer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
    (void)stream;
    if (n < 0) {
        close_peer();
        return;
    }
    if (w.answered) {
        buf_add(&w.from_client, b->base, (size_t)n);
        return;
    }
    buf_add(&w.request, b->base, (size_t)n);
    if (strstr(buf_text(&w.request), "\r\n\r\n") != NULL) {
        answer();
        if (w.play->hang_up)
            close_peer();
    }
}

static void on_connection(uv_stream_t *listener, int result) {
    assert_int_equal(result, 0);
    uv_tcp_init(&w.loop, &w.peer);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&w.peer), 0);
    w.peer_open = true;
    uv_read_start((uv_stream_t *)&w.peer, on_alloc, on_peer_read);
}

static void on_open(void *owner) {
    (void)owner;
    w.opened++;
    if (w.send_n > 0) {
        uint8_t *bytes = malloc(w.send_n);
        assert_non_null(bytes);
        memset(bytes, 'x', w.send_n);
        client_ws_send(w.client, FRAME_TEXT, bytes, w.send_n);
        free(bytes);
    }
    if (w.close_after == 0)
        client_ws_close(w.client);
}

static void on_text(void *owner, const char *text, size_t n) {
    (void)owner;
    assert_int_equal(strlen(text), n);
    assert_true(w.texts < 8);
    snprintf(w.text[w.texts++], sizeof w.text[0], "%s", text);
    if (w.texts == w.close_after)
        client_ws_close(w.client);
}

static void on_closed(void *owner, int code, const client_answer *refused,
                      const diag *d) {
    (void)owner;
    w.closed++;
    w.close_code = code;
    w.http_status = refused != NULL ? refused->http_status : 0;
    w.retry_after_s = refused != NULL ? refused->retry_after_s : 0;
    w.why = *d;
    if (!uv_is_closing((uv_handle_t *)&w.listener))
        uv_close((uv_handle_t *)&w.listener, NULL);
    close_peer();
}

static const client_ws_events events = {on_open, on_text, on_closed};

static void run(const script *play, unsigned close_after, size_t send_n) {
    memset(&w, 0, sizeof w);
    w.play = play;
    w.close_after = close_after;
    w.send_n = send_n;
    buf_init(&w.from_client, 16u << 20);
    buf_init(&w.request, 65536);
    uv_loop_init(&w.loop);
    uv_tcp_init(&w.loop, &w.listener);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&w.listener, (struct sockaddr *)&address, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&w.listener, 4, on_connection), 0);
    int size = sizeof address;
    uv_tcp_getsockname(&w.listener, (struct sockaddr *)&address, &size);
    char url[64];
    client_url parsed;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(client_url_parse(url, &parsed, NULL), OK);
    assert_int_equal(
        client_ws_create(&w.loop, &parsed, "/v1/x", "", &events, NULL, &w.client, NULL),
        OK);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.closed, 1);
    buf_deinit(&w.request);
}

#define FRAMES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void messages_come_whole_in_any_pieces(void **state) {
    (void)state;
    for (size_t step = 1; step < 20; step += 6) {
        const script play = {"",
                             FRAMES(0x81, 2, 'h', 'i',               /* whole */
                                    0x01, 1, 'a',                    /* in three, */
                                    0x89, 1, 'p',                    /* a ping between, */
                                    0x00, 2, 'b', 'c', 0x80, 1, 'd', /* the rest */
                                    0x81, 0),                        /* empty */
                             step, false};
        run(&play, 3, 0);
        assert_int_equal(w.opened, 1);
        assert_int_equal(w.texts, 3);
        assert_string_equal(w.text[0], "hi");
        assert_string_equal(w.text[1], "abcd");
        assert_string_equal(w.text[2], "");
        assert_int_equal(w.why.code, OK);
        /* the pong with its payload masked, then our goodbye */
        assert_int_equal(w.from_client.data[0], 0x8a);
        assert_int_equal(w.from_client.data[1], 0x81);
        assert_int_equal(w.from_client.data[6] ^ w.from_client.data[2], 'p');
        assert_int_equal(w.from_client.data[7], 0x88);
        buf_deinit(&w.from_client);
    }
}

static void a_large_message_arrives_masked_and_whole(void **state) {
    (void)state;
    const script play = {"", FRAMES(0x81, 1, '!'), 0, false};
    const size_t n = 6u << 20; /* more than the kernel takes at once */
    run(&play, 1, n);
    assert_true(w.from_client.size >= n + 14);
    const uint8_t *mask = w.from_client.data + 10;
    for (size_t i = 0; i < n; i += 9973)
        assert_int_equal(w.from_client.data[14 + i] ^ mask[i % 4], 'x');
    buf_deinit(&w.from_client);
}

static void refusals_and_breaks_are_told_apart(void **state) {
    (void)state;
    static const uint8_t broken[] = {0xff, 0xff};
    static const uint8_t huge[] = {0x81, 127, 0, 0, 0, 0, 0x40, 0, 0, 0};
    static const uint8_t reason[] = {0x88, 4, 0x03, 0xf3, 'n', 'o'};
    static const uint8_t agreed[] = {0x88, 2, 0x03, 0xe8};
    static const struct {
        const char *name;
        script play;
        status want;
        int http_status, close_code;
        unsigned retry;
    } row[] = {
        {"full",
         {"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\n\r\n{}", NULL, 0, 0, false},
         ERR_CAPACITY,
         503,
         0,
         3},
        {"quota", {"HTTP/1.1 429 Busy\r\n\r\n", NULL, 0, 0, false}, ERR_QUOTA, 429, 0, 0},
        {"no key", {"HTTP/1.1 401 No\r\n\r\n", NULL, 0, 0, false}, ERR_AUTH, 401, 0, 0},
        {"not found",
         {"HTTP/1.1 404 No\r\n\r\n", NULL, 0, 0, false},
         ERR_INVALID,
         404,
         0,
         0},
        {"no HTTP", {"220 mail ready\r\n\r\n", NULL, 0, 0, false}, ERR_SYNTAX, 0, 0, 0},
        {"broken frame", {"", broken, 2, 0, false}, ERR_SYNTAX, 0, 0, 0},
        {"a frame of 1 GiB", {"", huge, 10, 0, false}, ERR_LIMIT, 0, 0, 0},
        {"closed with a reason", {"", reason, 6, 0, false}, ERR_LOST, 0, 1011, 0},
        {"closed as agreed", {"", agreed, 4, 0, false}, OK, 0, 1000, 0},
        {"hung up", {"", NULL, 0, 0, true}, ERR_LOST, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        run(&row[i].play, 9, 0);
        if (w.why.code != row[i].want)
            print_error("%s: %s\n", row[i].name, w.why.text);
        assert_int_equal(w.why.code, row[i].want);
        assert_int_equal(w.http_status, row[i].http_status);
        assert_int_equal(w.close_code, row[i].close_code);
        assert_int_equal(w.retry_after_s, row[i].retry);
        buf_deinit(&w.from_client);
    }
}

static void a_server_that_is_not_there_is_an_error(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    uv_loop_init(&w.loop);
    uv_tcp_init(&w.loop, &w.listener);
    client_url url;
    assert_int_equal(client_url_parse("http://127.0.0.1:1", &url, NULL), OK);
    assert_int_equal(
        client_ws_create(&w.loop, &url, "/", "", &events, NULL, &w.client, NULL), OK);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.closed, 1);
    assert_int_equal(w.opened, 0);
    assert_int_equal(w.why.code, ERR_IO);
}

static void closing_before_it_is_open_ends_quietly(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    uv_loop_init(&w.loop);
    uv_tcp_init(&w.loop, &w.listener);
    client_url url;
    assert_int_equal(client_url_parse("http://127.0.0.1:1", &url, NULL), OK);
    assert_int_equal(
        client_ws_create(&w.loop, &url, "/", "", &events, NULL, &w.client, NULL), OK);
    client_ws_close(w.client);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.closed, 1);
    assert_int_equal(w.why.code, OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_in_any_pieces),
        cmocka_unit_test(a_large_message_arrives_masked_and_whole),
        cmocka_unit_test(refusals_and_breaks_are_told_apart),
        cmocka_unit_test(a_server_that_is_not_there_is_an_error),
        cmocka_unit_test(closing_before_it_is_open_ends_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
