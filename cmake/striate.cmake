# How the project's parts are named to the build. A room is a folder of the layer table in
# ARCHITECTURE.md. One line here-abouts adds a part: its source, its test and its registry entry.

set(STRIATE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                     -Wdouble-promotion -Wimplicit-fallthrough
                     -Wno-missing-field-initializers)  # designated initializers leave out defaults
if(STRIATE_WERROR)
  list(APPEND STRIATE_WARNINGS -Werror)
endif()

add_library(striate_flags INTERFACE)
# -ffp-contract=off: a compiler that fuses a multiply and an add where it likes would make the
# reference device depend on optimization flags. The kernels ask for fused operations by name.
target_compile_options(striate_flags INTERFACE ${STRIATE_WARNINGS} -ffp-contract=off)
if(STRIATE_SANITIZE)
  target_compile_options(striate_flags INTERFACE -fsanitize=${STRIATE_SANITIZE}
                                                 -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(striate_flags INTERFACE -fsanitize=${STRIATE_SANITIZE})
endif()

# striate_add(ROOM NAME...): src/ROOM/NAME.cpp joins the library, and tests/ROOM/NAME_test.cpp the
# room's tests where it exists.
function(striate_add room)
  foreach(name IN LISTS ARGN)
    set_property(GLOBAL APPEND PROPERTY STRIATE_SOURCES_${room} ${PROJECT_SOURCE_DIR}/src/${room}/${name}.cpp)
    if(EXISTS ${PROJECT_SOURCE_DIR}/tests/${room}/${name}_test.cpp)
      striate_add_test(${room} ${name})
    endif()
  endforeach()
endfunction()

# striate_add_test(ROOM NAME...): tests/ROOM/NAME_test.cpp, for tests with no source of their own.
function(striate_add_test room)
  foreach(name IN LISTS ARGN)
    set_property(GLOBAL APPEND PROPERTY STRIATE_TESTS_${room} ${PROJECT_SOURCE_DIR}/tests/${room}/${name}_test.cpp)
  endforeach()
  set_property(GLOBAL APPEND PROPERTY STRIATE_TEST_ROOMS ${room})
endfunction()

# striate_add_registered(KIND ROOM NAME...): a part that a registry lists. src/ROOM/NAME.cpp defines
# `void register_KIND_NAME(KindRegistry&)`; its test must exist.
function(striate_add_registered kind room)
  foreach(name IN LISTS ARGN)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/tests/${room}/${name}_test.cpp)
      message(FATAL_ERROR "src/${room}/${name}.cpp has no test: write tests/${room}/${name}_test.cpp")
    endif()
    striate_add(${room} ${name})
    set_property(GLOBAL APPEND PROPERTY STRIATE_REGISTERED_${kind} ${name})
  endforeach()
endfunction()
macro(striate_add_op)
  striate_add_registered(op ops ${ARGN})
endmacro()
macro(striate_add_model)
  striate_add_registered(model models ${ARGN})
endmacro()
macro(striate_add_dataset)
  striate_add_registered(dataset data ${ARGN})
endmacro()
# A detector's source lies in a folder of its room.
macro(striate_add_detector)
  foreach(name ${ARGN})
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/tests/tasks/detection/${name}_test.cpp)
      message(FATAL_ERROR "src/tasks/detection/${name}.cpp has no test: write tests/tasks/detection/${name}_test.cpp")
    endif()
    striate_add(tasks detection/${name})
    set_property(GLOBAL APPEND PROPERTY STRIATE_REGISTERED_detector ${name})
  endforeach()
endmacro()
macro(striate_add_command)
  striate_add_registered(command cli ${ARGN})
endmacro()

# striate_write_registry(KIND ROOM HEADER REGISTRY): writes the function `register_every_KIND(REGISTRY&)`
# that calls each registered part in the order of its line. HEADER declares REGISTRY.
function(striate_write_registry kind room header registry)
  get_property(names GLOBAL PROPERTY STRIATE_REGISTERED_${kind})
  set(declarations "")
  set(calls "")
  foreach(name IN LISTS names)
    string(APPEND declarations "void register_${kind}_${name}(${registry}& registry);\n")
    string(APPEND calls "  register_${kind}_${name}(registry);\n")
  endforeach()
  set(path ${PROJECT_BINARY_DIR}/generated/register_every_${kind}.cpp)
  file(CONFIGURE OUTPUT ${path} CONTENT
"// Written by the build from the striate_add_${kind}() lines.
#include \"${header}\"

namespace striate {
${declarations}
void register_every_${kind}(${registry}& registry);
void register_every_${kind}(${registry}& registry) {
${calls}}
}  // namespace striate
")
  set_property(GLOBAL APPEND PROPERTY STRIATE_SOURCES_${room} ${path})
endfunction()
