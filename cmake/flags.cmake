add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                    -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef
                    -fno-common -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE ROSTRUM_VERSION="${PROJECT_VERSION}")
if(ROSTRUM_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-D_FORTIFY_SOURCE=2)
endif()
if(ROSTRUM_SANITIZE)
  add_compile_options(-fsanitize=${ROSTRUM_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ROSTRUM_SANITIZE})
  add_compile_definitions(ROSTRUM_SANITIZED)
endif()
if(ROSTRUM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
