# What the tree needs from the machine. Debian's package names are in tools/setup.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(LWS REQUIRED IMPORTED_TARGET libwebsockets)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl libcrypto)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(FYAML REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile)
pkg_check_modules(MPG123 REQUIRED IMPORTED_TARGET libmpg123)
pkg_check_modules(OPUS REQUIRED IMPORTED_TARGET opus)
pkg_check_modules(OGG REQUIRED IMPORTED_TARGET ogg)
pkg_check_modules(SPHINX REQUIRED IMPORTED_TARGET pocketsphinx sphinxbase)
# Debian's pocketsphinx.pc names folders that do not exist, and the sound-card library.
get_target_property(folders PkgConfig::SPHINX INTERFACE_INCLUDE_DIRECTORIES)
set(existing)
foreach(folder ${folders})
  if(EXISTS ${folder})
    list(APPEND existing ${folder})
  endif()
endforeach()
get_target_property(libraries PkgConfig::SPHINX INTERFACE_LINK_LIBRARIES)
list(FILTER libraries EXCLUDE REGEX "sphinxad")
set_target_properties(PkgConfig::SPHINX PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${existing}" INTERFACE_LINK_LIBRARIES "${libraries}")
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka) # tests only; without it there are none

# ROSTRUM_CACHE_DIR: where tools/fetch puts weights and, with --all, what tests
# and benches compare with.
if(ROSTRUM_CACHE)
  set(ROSTRUM_CACHE_DIR "${ROSTRUM_CACHE}")
elseif(DEFINED ENV{ROSTRUM_CACHE})
  set(ROSTRUM_CACHE_DIR "$ENV{ROSTRUM_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(ROSTRUM_CACHE_DIR "$ENV{XDG_CACHE_HOME}/rostrum")
else()
  set(ROSTRUM_CACHE_DIR "$ENV{HOME}/.cache/rostrum")
endif()
