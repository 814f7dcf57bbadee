# The rules that every target of Nuri shares. A folder of src/ is one module: one library named
# nuri_FOLDER, and one test program FOLDER_test made of its *_test.cc files.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
include(GoogleTest)

add_library(nuri_flags INTERFACE)
target_compile_options(nuri_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-gnu-anonymous-struct
  -Wshadow -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer)
target_include_directories(nuri_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(NURI_SANITIZE)
  target_compile_options(nuri_flags INTERFACE -fsanitize=${NURI_SANITIZE}
    -fno-sanitize-recover=all -O1)
  target_link_options(nuri_flags INTERFACE -fsanitize=${NURI_SANITIZE})
endif()
if(NURI_FUZZ)
  target_compile_options(nuri_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# nuri_module(NAME [DEPS modules…] [LIBS libraries…] [TEST_LIBS libraries…]): the library nuri_NAME
# of this folder's *.cc, and NAME_test of its *_test.cc. DEPS is the dependency direction that
# tools/tidy checks against docs/design/layers.
function(nuri_module NAME)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;TEST_LIBS" ${ARGN})
  file(GLOB all CONFIGURE_DEPENDS *.cc *.h)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM M_DEPS PREPEND nuri_)
  set(code ${sources})
  list(FILTER code INCLUDE REGEX "\\.cc$")
  if(code)
    add_library(nuri_${NAME} STATIC ${sources})
    target_link_libraries(nuri_${NAME} PUBLIC nuri_flags ${M_DEPS} ${M_LIBS})
  else()
    add_library(nuri_${NAME} INTERFACE)
    target_link_libraries(nuri_${NAME} INTERFACE nuri_flags ${M_DEPS} ${M_LIBS})
  endif()
  if(tests)
    nuri_test(${NAME}_test SOURCES ${tests} LIBS nuri_${NAME} ${M_TEST_LIBS})
  endif()
  set(headers ${sources})
  list(FILTER headers INCLUDE REGEX "\\.h$")
  list(FILTER headers EXCLUDE REGEX "/test_[^/]*\\.h$")  # of tests, with their definitions
  nuri_headers_(${NAME} "${headers}")
endfunction()

# nuri_test(NAME SOURCES files… [DEPS modules…] [LIBS libraries…]): a GoogleTest program that
# `make test` runs, built with ASan and UBSan, case by case counted.
function(nuri_test NAME)
  cmake_parse_arguments(T "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  list(TRANSFORM T_DEPS PREPEND nuri_)
  add_executable(${NAME} ${T_SOURCES})
  target_link_libraries(${NAME} PRIVATE nuri_flags ${T_DEPS} ${T_LIBS} GTest::gmock_main)
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 300)
  set_property(GLOBAL APPEND PROPERTY NURI_TESTS ${NAME})
endfunction()

# nuri_fuzzer(NAME SOURCES files… [DEPS modules…] [LIBS libraries…]): the libFuzzer program
# NAME_fuzz, in the fuzz preset only. Its corpus is tests/fuzz/corpus/NAME; `make fuzz` and
# `make test` run it. The sources define LLVMFuzzerTestOneInput.
function(nuri_fuzzer NAME)
  if(NOT NURI_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  list(TRANSFORM F_DEPS PREPEND nuri_)
  if(NOT IS_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${NAME})
    message(FATAL_ERROR "nuri_fuzzer(${NAME}): no corpus; put at least one input into "
      "tests/fuzz/corpus/${NAME}/")
  endif()
  add_executable(${NAME}_fuzz ${F_SOURCES})
  target_link_libraries(${NAME}_fuzz PRIVATE nuri_flags ${F_DEPS} ${F_LIBS} -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY NURI_FUZZERS ${NAME})
endfunction()

# Every header compiles alone: one generated translation unit each, without optimization, debug
# information or precompiled headers; ccache makes the second run free. Not part of `all`.
function(nuri_headers_ NAME HEADERS)
  if(NURI_SANITIZE OR NURI_FUZZ OR NOT HEADERS)
    return()
  endif()
  set(units "")
  foreach(header ${HEADERS})
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR}/src ${header})
    string(REPLACE "/" "_" unit ${path})
    set(unit ${CMAKE_BINARY_DIR}/headers/${unit}.cc)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${path}\"\n#include \"${path}\"\n" @ONLY)
    list(APPEND units ${unit})
  endforeach()
  add_library(headers_${NAME} OBJECT EXCLUDE_FROM_ALL ${units})
  target_link_libraries(headers_${NAME} PRIVATE nuri_${NAME})
  target_compile_options(headers_${NAME} PRIVATE -O0 -g0)
  set_target_properties(headers_${NAME} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  if(NOT TARGET headers)
    add_custom_target(headers)
  endif()
  add_dependencies(headers headers_${NAME})
endfunction()

# Writes what tools/check runs: tests.txt and fuzzers.txt in the build folder, one name a line; and
# the targets `tests` and `fuzzers`. Called once, after every folder was added.
function(nuri_finish)
  get_property(tests GLOBAL PROPERTY NURI_TESTS)
  get_property(fuzzers GLOBAL PROPERTY NURI_FUZZERS)
  string(REPLACE ";" "\n" lines "${tests}")
  file(WRITE ${CMAKE_BINARY_DIR}/tests.txt "${lines}\n")
  string(REPLACE ";" "\n" lines "${fuzzers}")
  file(WRITE ${CMAKE_BINARY_DIR}/fuzzers.txt "${lines}\n")
  add_custom_target(tests DEPENDS ${tests})
  list(TRANSFORM fuzzers APPEND _fuzz)
  add_custom_target(fuzzers DEPENDS ${fuzzers})
endfunction()
