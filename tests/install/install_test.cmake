# Installs the build into a folder of its own, then builds and runs examples/circle against that.
# Variables: BUILD (the build folder), SOURCE (the project's), GENERATOR.
set(root ${BUILD}/install-test)
file(REMOVE_RECURSE ${root})
file(MAKE_DIRECTORY ${root}/run)

function(run)
  cmake_parse_arguments(RUN "" "IN;OUTPUT" "" ${ARGN})
  execute_process(COMMAND ${RUN_UNPARSED_ARGUMENTS} WORKING_DIRECTORY ${RUN_IN}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE errors)
  if(failed)
    message(FATAL_ERROR "${RUN_UNPARSED_ARGUMENTS}:\n${text}${errors}")
  endif()
  if(RUN_OUTPUT)
    set(${RUN_OUTPUT} "${text}" PARENT_SCOPE)
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${root}/prefix IN ${root})
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/circle -B ${root}/build -G ${GENERATOR}
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${root}/prefix IN ${root})
run(${CMAKE_COMMAND} --build ${root}/build IN ${root})
run(${root}/build/circle IN ${root}/run OUTPUT printed)
if(NOT printed MATCHES "^(9[0-9]|100)\\.[0-9] % of the points are on the right side\ncaught: square.safetensors: ")
  message(FATAL_ERROR "the example printed: ${printed}")
endif()
if(NOT EXISTS ${root}/run/circle.safetensors)
  message(FATAL_ERROR "the example saved nothing")
endif()
run(${root}/prefix/bin/striate --version IN ${root} OUTPUT version)
if(NOT version MATCHES "[0-9]+\\.[0-9]+\\.[0-9]+")
  message(FATAL_ERROR "striate --version printed: ${version}")
endif()
