# How a folder of the house becomes a library, and a folder of tests a program.

find_program(ATH_CCACHE ccache)
if(ATH_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATH_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${ATH_CCACHE})
endif()
find_program(ATH_MOLD mold)
if(ATH_MOLD AND NOT ATH_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()
# clang's OpenMP is a package of its own; the fuzz targets do without compute threads.
if(NOT ATH_FUZZ)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
find_package(Threads REQUIRED)

add_library(athanor_options INTERFACE)
target_include_directories(athanor_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(athanor_options INTERFACE -Wall -Wextra -Wpedantic -Werror -fno-math-errno
                                                  -ffp-contract=off -fvisibility=hidden)
target_link_libraries(athanor_options INTERFACE Threads::Threads fmt)
# libgomp is not instrumented: under ThreadSanitizer the compute loops run on one thread (base/parallel.cpp).
if(NOT ATH_SANITIZE MATCHES "thread" AND NOT ATH_FUZZ)
  target_link_libraries(athanor_options INTERFACE OpenMP::OpenMP_CXX)
else()
  target_compile_options(athanor_options INTERFACE -Wno-unknown-pragmas)
endif()
if(ATH_SANITIZE)
  # gcc 12 takes std::regex's own variables for uninitialised when it instruments them.
  target_compile_options(athanor_options INTERFACE -fsanitize=${ATH_SANITIZE} -fno-omit-frame-pointer -g1
                                                   -Wno-maybe-uninitialized)
  target_link_options(athanor_options INTERFACE -fsanitize=${ATH_SANITIZE})
endif()
if(ATH_FUZZ)
  # clang reports the temporary buffer that libstdc++ 12 itself uses in std::stable_sort as deprecated.
  target_compile_options(athanor_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -g1
                                                    -Wno-deprecated-declarations)
  target_link_options(athanor_options INTERFACE -fsanitize=address,undefined)
endif()

# ath_folder(base LINK fmt): library athanor_base from every source below the calling folder's base/,
# but for those below EXCLUDE.
function(ath_folder folder)
  cmake_parse_arguments(ARG "" "EXCLUDE" "LINK;OPTIONS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "/${folder}/${ARG_EXCLUDE}/")
  endif()
  get_filename_component(house ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  string(REPLACE "/" "_" name ${house}_${folder})
  if(NOT sources)
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC athanor_options ${ARG_LINK})
  # Under a sanitizer the code is checked, not timed: the presets' -O1 compiles in a fraction of the time.
  if(ATH_SANITIZE OR ATH_FUZZ)
    list(REMOVE_ITEM ARG_OPTIONS -O3)
  endif()
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
endfunction()

# ath_together(athanor_ops ops/amin.cpp): under a sanitizer, which takes no edits and therefore no rebuilds of single
# files, sixteen of the library's files compile as one, but for those named (whose local names others have too). Most
# of a small file's time is its headers: clang parsed the files of ops in 6 s as one.
function(ath_together name)
  if(ATH_SANITIZE OR ATH_FUZZ)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    # gcc takes every file but the first for a header, where an anonymous namespace would be a mistake.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# ath_tests(base LINK athanor_base): program test_base from tests/base/*.cpp, every TEST in it one ctest test.
# LABELS: the sanitizers that it runs under ("asan", "asan-tsan"), for which target asan_tests builds it, and tsan_tests.
function(ath_tests folder)
  cmake_parse_arguments(ARG "" "" "LINK;LABELS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" name test_${folder})
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} athanor_options GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  foreach(sanitizer asan tsan)
    if(ARG_LABELS MATCHES ${sanitizer})
      add_dependencies(${sanitizer}_tests ${name})
    endif()
  endforeach()
  gtest_discover_tests(${name} PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}"
                       DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
endfunction()
