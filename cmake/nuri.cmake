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
target_compile_options(nuri_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-gnu-anonymous-struct -Wshadow -Wnon-virtual-dtor
  -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer)
target_include_directories(nuri_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(NURI_SANITIZE)
  target_compile_options(nuri_flags INTERFACE -fsanitize=${NURI_SANITIZE}
    -fno-sanitize-recover=all -O1)
  target_link_options(nuri_flags INTERFACE -fsanitize=${NURI_SANITIZE})
endif()

# nuri_module(NAME [DEPS modules…] [LIBS libraries…]): the library nuri_NAME of this folder's *.cc,
# and NAME_test of its *_test.cc. DEPS is the dependency direction that tools/tidy checks.
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
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE nuri_${NAME} GTest::gmock_main ${M_TEST_LIBS})
    gtest_discover_tests(${NAME}_test DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
