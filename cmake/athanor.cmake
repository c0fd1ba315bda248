# How a folder of the house becomes a library, and a folder of tests a program.

find_program(ATH_CCACHE ccache)
if(ATH_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATH_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${ATH_CCACHE})
endif()
find_program(ATH_MOLD mold)
if(ATH_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
# gcc's OpenMP is not instrumented for ThreadSanitizer, and clang's, which the sanitized build does without, is a package
# of its own: there the compute loops run on one thread (base/parallel.cpp).
set(ATH_OPENMP ON)
if(ATH_SANITIZE MATCHES "thread" OR (ATH_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang"))
  set(ATH_OPENMP OFF)
else()
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
find_package(Threads REQUIRED)

add_library(athanor_options INTERFACE)
target_include_directories(athanor_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(athanor_options INTERFACE -Wall -Wextra -Wpedantic -Werror -fno-math-errno
                                                  -ffp-contract=off -fvisibility=hidden)
target_link_libraries(athanor_options INTERFACE Threads::Threads fmt)
if(ATH_OPENMP)
  target_link_libraries(athanor_options INTERFACE OpenMP::OpenMP_CXX)
else()
  target_compile_options(athanor_options INTERFACE -Wno-unknown-pragmas)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang reports the temporary buffer that libstdc++ 12 itself uses in std::stable_sort as deprecated.
  target_compile_options(athanor_options INTERFACE -Wno-deprecated-declarations)
endif()
if(ATH_SANITIZE)
  target_compile_options(athanor_options INTERFACE -fsanitize=${ATH_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(athanor_options INTERFACE -fsanitize=${ATH_SANITIZE})
endif()
if(ATH_FUZZ)
  target_compile_options(athanor_options INTERFACE -fsanitize=fuzzer-no-link)
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
  if(ATH_SANITIZE)
    list(REMOVE_ITEM ARG_OPTIONS -O3)
  endif()
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
endfunction()

# ath_together(athanor_ops ops/amin.cpp): eight of the library's files compile as one, but for those named (whose local
# names others have too). Most of a small file's time is its headers: a whole build takes about half as long.
# -DATH_TOGETHER=OFF compiles every file alone, for someone who edits one of them again and again.
function(ath_together name)
  if(ATH_TOGETHER)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    # gcc takes every file but the first for a header, where an anonymous namespace would be a mistake.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# ath_tests(base LINK athanor_base): program test_base from tests/base/*.cpp, every TEST in it one ctest test.
# LABELS asan, tsan: ./test runs it under these sanitizers too, for which targets asan_tests and tsan_tests build it;
# ./test full runs every test under AddressSanitizer.
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
    if(sanitizer IN_LIST ARG_LABELS)
      add_dependencies(${sanitizer}_tests ${name})
    endif()
  endforeach()
  string(REPLACE ";" "-" labels "${ARG_LABELS}")  # one word, as a list would not survive; ctest -L finds its parts
  gtest_discover_tests(${name} PROPERTIES TIMEOUT 600 LABELS "${labels}"
                       DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
endfunction()
