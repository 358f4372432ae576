#include "engine/pocketsphinx/engine.h"

int main(int argc, char **argv) {
    return rostrum_engine_main(&pocketsphinx_engine, argc, argv);
}
