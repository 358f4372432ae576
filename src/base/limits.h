/* base/limits.h: every fixed limit, with its unit and its reason. A limit a user
 * can change lives in config.def; these are the hard ceilings behind it. */
#ifndef ROSTRUM_BASE_LIMITS_H
#define ROSTRUM_BASE_LIMITS_H
/* clang-format off */

#define LIMIT_SAMPLE_RATE_HZ 16000 /* what every listen engine is fed; engines ask for it */
#define LIMIT_CLIENT_RATE_MIN_HZ 8000  /* telephone band: below it no engine was measured */
#define LIMIT_CLIENT_RATE_MAX_HZ 48000 /* what browsers and Opus send */

#define LIMIT_UTTERANCE_S 30  /* s; encoder cost grows with the square past this */
#define LIMIT_SLOT_AUDIO_S 8  /* s of audio a session may have waiting for its worker */
#define LIMIT_WORKER_SLOTS 256 /* slots one worker may offer: one byte in load reports */

#define LIMIT_WORD_BYTES 64       /* bytes of one recognised word, with terminator */
#define LIMIT_HYPOTHESIS_WORDS 512 /* words of one utterance: 30 s at 6.5 tokens/s is 195 */

#define LIMIT_FRAME_BYTES (256u << 10) /* one engine-protocol frame; 8 s of s16 at 16 kHz */
#define LIMIT_HTTP_HEADER_BYTES (8u << 10) /* all request headers; SDKs send about 1 KiB */
#define LIMIT_WS_MESSAGE_BYTES (1u << 20)  /* one JSON event: 15 s of pcm16 24 kHz base64 */
#define LIMIT_UPLOAD_BYTES (25u << 20)     /* one uploaded file; OpenAI's documented limit */
#define LIMIT_PROMPT_BYTES (8u << 10)      /* prompt and language fields of a request */
#define LIMIT_SEND_BYTES (256u << 10) /* unsent output of one connection before it is closed */
#define LIMIT_CONFIG_BYTES (1u << 20) /* a YAML file a person wrote */

#define LIMIT_HTTP_FIELDS 64   /* header lines of one request; browsers send about 20 */
#define LIMIT_HTTP_HEAD_S 10   /* s to send all request headers: stops slow-header floods */
#define LIMIT_HTTP_IDLE_S 60   /* s a kept-alive connection may wait for its next request */
#define LIMIT_STALL_S 30       /* s without a byte moving, either way, in mid-exchange */
#define LIMIT_LINGER_S 2       /* s to read and drop what a refused client still sends */

#define LIMIT_VANISHED_S 2       /* s until a vanished client's slot is free again */
#define LIMIT_WORKER_RESTART_S 3 /* s until a killed worker's slots are back */
#define LIMIT_HEARTBEAT_MS 500   /* ms between a worker's load reports */
#define LIMIT_HEARTBEAT_LOST_MS 5000 /* ms of silence after which a worker is killed */
#define LIMIT_WORKER_LOAD_S 60   /* s a worker may take to load: cold disk, slow machine */
#define LIMIT_WORKER_STOP_S 2    /* s a worker has to leave before it is killed */
#define LIMIT_SLOT_CLOSE_S 5     /* s until a slot that is not confirmed free is written off */
#define LIMIT_SLOT_CONTROL_BYTES (64u << 10) /* unread commits and updates of one session */

#endif
