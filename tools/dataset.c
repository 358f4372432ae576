/* rostrum-dataset: the test speech, from Debian's packages to wav files and a manifest.
 *
 * asterisk-core-sounds-en-g722 holds one studio voice at 16 kHz, CC-BY-SA-3.0;
 * asterisk-core-sounds-en holds what she says. Nothing of either is part of this tree.
 * spandsp (LGPL) decodes G.722 and is linked by this program only. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <spandsp.h>
#include <zlib.h>

#include "base/args.h"
#include "base/limits.h"
#include "slices.h"

#define SOUNDS "/usr/share/asterisk/sounds/en_US_f_Allison"
#define TRANSCRIPTS "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
#define RATE_HZ 16000
#define PROMPTS_MAX 1024                  /* the package has 568 */
#define PROMPT_SAMPLES_MAX (40 * RATE_HZ) /* longer ones (one, 73 s) are not prompts */
#define BABBLE_VOICES 3

typedef struct {
    char id[96];
    char ref[2048];
    char norm[2048]; /* lower-case letters and digits, one blank between words */
    int16_t *pcm;    /* [n] */
    size_t n;
} prompt;

typedef struct {
    prompt *item; /* [n] */
    size_t n;
} prompts;

/* Lower-case words of letters, digits and apostrophes, separated by one blank. */
static void normalise(const char *text, char *out, size_t size) {
    size_t n = 0;
    bool gap = false;
    for (; *text != '\0' && n + 2 < size; text++) {
        char c = *text;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'') {
            if (gap && n > 0)
                out[n++] = ' ';
            out[n++] = c;
            gap = false;
        } else {
            gap = true;
        }
    }
    out[n] = '\0';
}

/* Words that hold a letter; a hyphen does not part them ("Call-Forward" is one). */
static int spoken_words(const char *text) {
    int words = 0;
    bool inside = false;
    for (; *text != '\0'; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                      *text == '\'' || *text == '-';
        if (letter && !inside)
            words++;
        inside = letter;
    }
    return words;
}

static bool seen_before(const prompts *list, const char *norm) {
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->item[i].norm, norm) == 0)
            return true;
    return false;
}

/* Decodes one .g722 file. ERR_NOT_FOUND: no such file; ERR_LIMIT: over 40 s. */
static status decode(const char *path, int16_t **out_pcm, size_t *out_n) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return ERR_NOT_FOUND;
    uint8_t *bytes = malloc(PROMPT_SAMPLES_MAX / 2 + 1);
    int16_t *pcm = malloc((PROMPT_SAMPLES_MAX + 2) * sizeof *pcm);
    g722_decode_state_t *state = g722_decode_init(NULL, 64000, 0);
    status s = bytes != NULL && pcm != NULL && state != NULL ? OK : ERR_MEMORY;
    if (s == OK) {
        size_t n = fread(bytes, 1, PROMPT_SAMPLES_MAX / 2 + 1, f);
        if (ferror(f))
            s = ERR_IO;
        else if (n > PROMPT_SAMPLES_MAX / 2)
            s = ERR_LIMIT;
        else
            *out_n = (size_t)g722_decode(state, pcm, bytes, (int)n);
    }
    if (state != NULL)
        g722_decode_free(state);
    free(bytes);
    fclose(f);
    if (s == OK)
        *out_pcm = pcm;
    else
        free(pcm);
    return s;
}

static bool copy(char *out, size_t size, const char *text) {
    size_t n = strlen(text);
    if (n >= size)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

/* Takes one "name: text" line if it is a prompt we keep. */
static status consider(prompts *list, const char *sounds, char *line, diag *d) {
    char *colon = strchr(line, ':');
    if (line[0] == ';' || colon == NULL)
        return OK;
    *colon = '\0';
    char *text = colon + 1 + strspn(colon + 1, " \t");
    text[strcspn(text, "\r\n")] = '\0';
    if (strpbrk(text, "[](){}<>") != NULL || spoken_words(text) < 3)
        return OK;
    if (list->n == PROMPTS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d prompts", PROMPTS_MAX);
    prompt *p = &list->item[list->n];
    char path[1024];
    if (!copy(p->id, sizeof p->id, line) || !copy(p->ref, sizeof p->ref, text) ||
        snprintf(path, sizeof path, "%s/%s.g722", sounds, p->id) >= (int)sizeof path)
        return diag_set(d, ERR_LIMIT, "a name or text of the transcripts is too long");
    normalise(text, p->norm, sizeof p->norm);
    if (seen_before(list, p->norm))
        return OK;
    status s = decode(path, &p->pcm, &p->n);
    if (s == ERR_NOT_FOUND || s == ERR_LIMIT)
        return OK;
    if (s != OK)
        return diag_set(d, s, "cannot read %s", path);
    list->n++;
    return OK;
}

static status collect(prompts *list, const char *sounds, const char *transcripts,
                      diag *d) {
    gzFile f = gzopen(transcripts, "rb");
    if (f == NULL)
        return diag_set(d, ERR_NOT_FOUND,
                        "no transcripts; install asterisk-core-sounds-en and "
                        "asterisk-core-sounds-en-g722");
    char line[2048];
    status s = OK;
    while (s == OK && gzgets(f, line, sizeof line) != NULL)
        s = consider(list, sounds, line, d);
    gzclose(f);
    if (s == OK && list->n == 0)
        s = diag_set(d, ERR_NOT_FOUND,
                     "no recordings; install asterisk-core-sounds-en-g722");
    return s;
}

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static status write_wav(const char *path, const int16_t *pcm, size_t n, diag *d) {
    uint8_t header[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0";
    put_u32(header + 4, (uint32_t)(36 + 2 * n));
    put_u32(header + 24, RATE_HZ);
    put_u32(header + 28, 2 * RATE_HZ);
    header[32] = 2;
    header[34] = 16;
    memcpy(header + 36, "data", 4);
    put_u32(header + 40, (uint32_t)(2 * n));
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return diag_set(d, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    bool good = fwrite(header, 1, sizeof header, f) == sizeof header &&
                fwrite(pcm, sizeof *pcm, n, f) == n;
    good = fclose(f) == 0 && good;
    return good ? OK : diag_set(d, ERR_IO, "cannot write %s", path);
}

/* The samples of prompt i as the slice wants them, in out [item[i].n]. */
static status degrade(const prompts *list, size_t i, slice_kind kind, uint64_t seed,
                      int16_t *out) {
    const prompt *p = &list->item[i];
    if (kind == SLICE_CLEAN) {
        memcpy(out, p->pcm, p->n * sizeof *out);
        return OK;
    }
    float *pcm = malloc((p->n + 1) * sizeof *pcm);
    if (pcm == NULL)
        return ERR_MEMORY;
    for (size_t k = 0; k < p->n; k++)
        pcm[k] = (float)p->pcm[k] / 32768.0f;
    slice_random r = slice_seed(seed, p->id);
    status s = OK;
    if (kind == SLICE_FAR_FIELD) {
        s = slice_far_field(&r, pcm, p->n);
    } else if (kind == SLICE_TELEPHONE) {
        s = slice_telephone(pcm, p->n);
    } else {
        const int16_t *voice[BABBLE_VOICES];
        size_t voice_n[BABBLE_VOICES];
        for (size_t k = 0; k < BABBLE_VOICES; k++) {
            size_t j =
                (i + 1 + slice_next(&r) % (list->n > 1 ? list->n - 1 : 1)) % list->n;
            voice[k] = list->item[j].pcm;
            voice_n[k] = list->item[j].n;
        }
        s = slice_babble(&r, pcm, p->n, voice, voice_n, BABBLE_VOICES);
    }
    for (size_t k = 0; k < p->n; k++) {
        float v = pcm[k] * 32768.0f;
        out[k] = (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
    }
    free(pcm);
    return s;
}

static status write_one(const prompts *list, size_t i, const char *half, slice_kind kind,
                        uint64_t seed, const char *folder, FILE *manifest, diag *d) {
    const prompt *p = &list->item[i];
    char name[128], path[1200];
    snprintf(name, sizeof name, "%s.wav", p->id);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/')
            *c = '-';
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int16_t *pcm = malloc((p->n + 1) * sizeof *pcm);
    if (pcm == NULL)
        return diag_set(d, ERR_MEMORY, "no memory");
    status s = degrade(list, i, kind, seed, pcm);
    if (s == OK)
        s = write_wav(path, pcm, p->n, d);
    free(pcm);
    if (s != OK)
        return s;
    buf line;
    buf_init(&line, 16384);
    buf_add_text(&line, "{\"id\":");
    buf_add_json(&line, p->id);
    buf_add_text(&line, ",\"audio\":");
    buf_add_json(&line, name);
    buf_add_text(&line, ",\"ref\":");
    buf_add_json(&line, p->ref);
    buf_addf(&line, ",\"seconds\":%.3f,\"half\":\"%s\"}\n", (double)p->n / RATE_HZ, half);
    bool good = fputs(buf_text(&line), manifest) >= 0;
    buf_deinit(&line);
    return good ? OK : diag_set(d, ERR_IO, "cannot write the manifest");
}

static int word_count(const char *norm) {
    int words = norm[0] != '\0';
    for (; *norm != '\0'; norm++)
        words += *norm == ' ';
    return words;
}

static status write_all(const prompts *list, const char *half, slice_kind kind,
                        uint64_t seed, const char *folder, diag *d) {
    char path[1100];
    snprintf(path, sizeof path, "%s/manifest.jsonl", folder);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return diag_set(d, ERR_IO, "cannot make %s: %s", folder, strerror(errno));
    FILE *manifest = fopen(path, "w");
    if (manifest == NULL)
        return diag_set(d, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    status s = OK;
    size_t files = 0;
    long long words = 0;
    double seconds = 0;
    for (size_t i = 0; i < list->n && s == OK; i++) {
        const char *mine = i % 2 == 0 ? "eval" : "held";
        if (strcmp(half, "all") != 0 && strcmp(half, mine) != 0)
            continue;
        s = write_one(list, i, mine, kind, seed, folder, manifest, d);
        files++;
        words += word_count(list->item[i].norm);
        seconds += (double)list->item[i].n / RATE_HZ;
    }
    if (fclose(manifest) != 0 && s == OK)
        s = diag_set(d, ERR_IO, "cannot write %s", path);
    if (s == OK)
        printf("%zu prompts, %.0f s, %lld words in %s\n", files, seconds, words, folder);
    return s;
}

static const arg_option options[] = {
    {"half", ARG_TEXT, "eval|held|all", 0, 0, "which half; default all"},
    {"slice", ARG_TEXT, "clean|far-field|telephone|babble", 0, 0,
     "how the recordings are degraded; default clean"},
    {"seed", ARG_INT, "N", 0, 1e9, "for what is random in a slice; default 1"},
    {"sounds", ARG_TEXT, "DIR", 0, 0, "folder of .g722 files; default Debian's"},
    {"transcripts", ARG_TEXT, "FILE", 0, 0, "core-sounds-en.txt, plain or gzipped"},
};

static int run(int argc, char **argv, const command *self);

static const command prompts_command = {
    "prompts",
    "OUTDIR",
    "write the test prompts as 16 kHz wav files and manifest.jsonl",
    "Keeps prompts whose text has no brackets and at least three words, each text once,\n"
    "up to 40 s: 241 prompts, 1,040 s, 2,577 words. Prompts are halved in turn (eval "
    "121,\n"
    "held 120): tune on one half only.",
    options,
    sizeof options / sizeof options[0],
    run};

static bool pick(const char *text, const char *const *names, size_t n, size_t *out) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static int run(int argc, char **argv, const command *self) {
    static const char *const slices[] = {"clean", "far-field", "telephone", "babble"};
    static const char *const halves[] = {"eval", "held", "all"};
    args a;
    int exit_status = EXIT_GOOD;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    size_t slice, half;
    if (a.n_positional != 1 ||
        !pick(args_text(&a, "slice", "clean"), slices, 4, &slice) ||
        !pick(args_text(&a, "half", "all"), halves, 3, &half)) {
        (void)diag_set(&d, ERR_INVALID,
                       "one OUTDIR; --half eval|held|all; --slice "
                       "clean|far-field|telephone|babble");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    prompts list = {.item = calloc(PROMPTS_MAX, sizeof(prompt))};
    status s = list.item != NULL ? OK : diag_set(&d, ERR_MEMORY, "no memory");
    if (s == OK)
        s = collect(&list, args_text(&a, "sounds", SOUNDS),
                    args_text(&a, "transcripts", TRANSCRIPTS), &d);
    if (s == OK)
        s = write_all(&list, halves[half], (slice_kind)slice,
                      (uint64_t)args_number(&a, "seed", 1), a.positional[0], &d);
    for (size_t i = 0; i < list.n; i++)
        free(list.item[i].pcm);
    free(list.item);
    return s == OK ? EXIT_GOOD : args_fail(self, &d, a.json, EXIT_FAILED);
}

int main(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "prompts") != 0) {
        fputs("usage: rostrum-dataset prompts OUTDIR [flags]; prompts --help says more\n",
              stderr);
        return EXIT_USAGE;
    }
    return run(argc - 1, argv + 1, &prompts_command);
}
