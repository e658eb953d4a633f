# Compiler settings for every target: the standard, the warnings (errors in every preset), sanitizers, hardening, ccache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)  # what the libraries show is marked FARHAND_API
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # -O3 builds a third longer and measures the same

option(BUILD_TESTING "Build the tests" ON)
option(FARHAND_HARDENING "Stack protector, fortified libc calls, full RELRO" OFF)
set(FARHAND_SANITIZE "" CACHE STRING "Comma-separated sanitizers, as -fsanitize takes them")
set(FARHAND_TEST_SCALE "1" CACHE STRING "Multiplies the repetitions in tests: 1 in CI, more in scripts/soak")

set(FARHAND_TEST_CLIENT "" CACHE FILEPATH "The rclient of another build for the end-to-end tests, instead of this one's")

# The web servers: under a sanitizer in a soak (and their parser in scripts/fuzz), since the whole run is to end in time.
set(FARHAND_TEST_WEB ON)
if(FARHAND_SANITIZE MATCHES "thread" OR (FARHAND_SANITIZE AND FARHAND_TEST_SCALE EQUAL 1))
  set(FARHAND_TEST_WEB OFF)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for before it caches anything that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

add_library(farhand_settings INTERFACE)
target_include_directories(farhand_settings INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(farhand_settings INTERFACE FARHAND_VERSION="${PROJECT_VERSION}")
target_compile_options(farhand_settings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Woverloaded-virtual -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651, mended in 13).
  target_compile_options(farhand_settings INTERFACE -Wno-restrict)
endif()

if(FARHAND_SANITIZE)
  # Instrumented code makes GCC 12 see overruns in std::string and std::optional that are not there.
  target_compile_options(farhand_settings INTERFACE -Wno-array-bounds -Wno-stringop-overflow
                         -Wno-stringop-overread -Wno-maybe-uninitialized)
  target_compile_options(farhand_settings INTERFACE -fsanitize=${FARHAND_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(farhand_settings INTERFACE -fsanitize=${FARHAND_SANITIZE})
  if(FARHAND_SANITIZE MATCHES "undefined")
    # vptr looks at objects through a pipe: a test that exhausts descriptors would fail for that alone.
    target_compile_options(farhand_settings INTERFACE -fno-sanitize-recover=undefined -fno-sanitize=vptr)
  endif()
endif()

if(FARHAND_HARDENING)
  target_compile_options(farhand_settings INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -fstack-clash-protection
    -fcf-protection -ftrivial-auto-var-init=zero)
  target_link_options(farhand_settings INTERFACE -Wl,-z,relro,-z,now)
  include(CheckPIESupported)
  check_pie_supported()
endif()

# farhand_library(NAME SOURCES... [LINK TARGETS...]): a static library farhand_NAME with the alias farhand::NAME.
function(farhand_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(farhand_${name} STATIC ${ARG_SOURCES})
  add_library(farhand::${name} ALIAS farhand_${name})
  target_link_libraries(farhand_${name} PUBLIC farhand_settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  target_precompile_headers(farhand_${name} REUSE_FROM farhand_precompiled)
endfunction()

# Standard headers that nearly every source includes: a second of compiling saved in each.
set(FARHAND_PRECOMPILED <algorithm> <array> <chrono> <functional> <memory> <optional> <string> <string_view> <thread>
                        <variant> <vector> <tl/expected.hpp>)

# farhand_compile_cheaply(FILES...): for sources whose headers take longest to compile, in code that runs once a process.
function(farhand_compile_cheaply)
  if(FARHAND_SANITIZE MATCHES "undefined")
    set(flags -O0 -fno-sanitize=undefined)
  elseif(FARHAND_SANITIZE)
    set(flags -O0)
  else()
    set(flags $<$<CONFIG:Release>:-O1>)
  endif()
  # A precompiled header serves one level of optimisation only.
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${flags}" SKIP_PRECOMPILE_HEADERS ON)
endfunction()
