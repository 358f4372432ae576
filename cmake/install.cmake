# Programs: the target `programs` builds what a running server needs and no test.
function(rostrum_executables folder out)
  set(found)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      list(APPEND found ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(sub ${folders})
    rostrum_executables(${sub} more)
    list(APPEND found ${more})
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

rostrum_executables(${CMAKE_SOURCE_DIR}/src programs)
set(engines ${programs})
list(FILTER engines INCLUDE REGEX "^rostrum-engine-")
set(installed ${engines}) # the example is for reading
list(REMOVE_ITEM installed rostrum-engine-example)
add_custom_target(programs DEPENDS rostrum ${engines})
if(TARGET rostrum-dataset)
  add_dependencies(programs rostrum-dataset)
endif()

# The build folder looks like an installation: manifests lie beside the program.
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/models ${CMAKE_BINARY_DIR}/models SYMBOLIC)

install(TARGETS rostrum RUNTIME DESTINATION bin)
install(TARGETS ${installed} RUNTIME DESTINATION libexec/rostrum)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/ DESTINATION share/rostrum/models)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/policies ${CMAKE_SOURCE_DIR}/examples
        DESTINATION share/rostrum)
install(FILES ${CMAKE_SOURCE_DIR}/include/rostrum/engine.h DESTINATION include/rostrum)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/THIRD_PARTY.md
        DESTINATION share/doc/rostrum)
install(PROGRAMS ${CMAKE_SOURCE_DIR}/tools/fetch ${CMAKE_SOURCE_DIR}/tools/make_tokens.mjs
        DESTINATION libexec/rostrum/tools)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/tools/licences DESTINATION libexec/rostrum/tools)

# The manual page and the completions are written by the program itself.
set(generated ${CMAKE_BINARY_DIR}/generated)
add_custom_target(manual ALL
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
  COMMAND rostrum man > ${generated}/rostrum.1
  COMMAND rostrum completion bash > ${generated}/rostrum.bash
  COMMAND rostrum completion zsh > ${generated}/_rostrum
  COMMAND rostrum completion fish > ${generated}/rostrum.fish
  DEPENDS rostrum
  COMMENT "Writing the manual page and the shell completions"
  VERBATIM)
install(FILES ${generated}/rostrum.1 DESTINATION share/man/man1)
install(FILES ${generated}/rostrum.bash DESTINATION share/bash-completion/completions
        RENAME rostrum)
install(FILES ${generated}/_rostrum DESTINATION share/zsh/site-functions)
install(FILES ${generated}/rostrum.fish DESTINATION share/fish/vendor_completions.d)
