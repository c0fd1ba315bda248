#include "athanor/backends/cpu/lapack.hpp"

#include <dlfcn.h>

#include <string>

#include "athanor/base/error.hpp"

namespace athanor::backends::cpu {

namespace {

void* open_library() {
  for (const char* name : {"libopenblas.so.0", "liblapack.so.3"})
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      // For a build with threads of its own; OpenMP's follows LibraryThreads.
      if (void* set = dlsym(library, "openblas_set_num_threads"))
        reinterpret_cast<void (*)(int)>(set)(1);
      return library;
    }
  raise<UnsupportedError>(
      "linear algebra needs LAPACK, and neither libopenblas.so.0 nor liblapack.so.3 is installed: "
      "install the package libopenblas0-openmp");
}

template <class F>
void find(void* library, char prefix, const std::string& name, F& routine) {
  const std::string symbol = prefix + name + "_";
  routine = reinterpret_cast<F>(dlsym(library, symbol.c_str()));
  require<UnsupportedError>(routine != nullptr,
                            "the LAPACK that is installed lacks {}: install the package "
                            "libopenblas0-openmp",
                            symbol);
}

template <class T>
Lapack<T> load(char prefix) {
  static void* const library = open_library();
  Lapack<T> routines{};
  find(library, prefix, "potrf", routines.potrf);
  find(library, prefix, "getrf", routines.getrf);
  find(library, prefix, "getrs", routines.getrs);
  find(library, prefix, "trtrs", routines.trtrs);
  find(library, prefix, "geqrf", routines.geqrf);
  find(library, prefix, "orgqr", routines.orgqr);
  find(library, prefix, "syevd", routines.syevd);
  find(library, prefix, "gesdd", routines.gesdd);
  return routines;
}

}  // namespace

template <>
const Lapack<float>& lapack<float>() {
  static const Lapack<float> routines = load<float>('s');
  return routines;
}

template <>
const Lapack<double>& lapack<double>() {
  static const Lapack<double> routines = load<double>('d');
  return routines;
}

}  // namespace athanor::backends::cpu
