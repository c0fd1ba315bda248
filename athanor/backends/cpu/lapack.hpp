#pragma once

#include <cstddef>

// LAPACK, opened when it is first needed: from OpenBLAS or, where that is absent, the reference
// library. Its symbols stay out of the process's own, so that a program which brings another BLAS
// keeps it.
namespace athanor::backends::cpu {

/// The routines that the kernels use, by their LAPACK names; matrices are column-major. The
/// arguments of type std::size_t are Fortran's hidden lengths of the letters: 1 each.
template <class T>
struct Lapack {
  void (*potrf)(const char* uplo, const int* n, T* a, const int* lda, int* info, std::size_t);
  void (*getrf)(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info);
  void (*getrs)(const char* trans, const int* n, const int* columns, const T* a, const int* lda,
                const int* pivots, T* b, const int* ldb, int* info, std::size_t);
  void (*trtrs)(const char* uplo, const char* trans, const char* diag, const int* n,
                const int* columns, const T* a, const int* lda, T* b, const int* ldb, int* info,
                std::size_t, std::size_t, std::size_t);
  void (*geqrf)(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork,
                int* info);
  void (*orgqr)(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau,
                T* work, const int* lwork, int* info);
  void (*syevd)(const char* job, const char* uplo, const int* n, T* a, const int* lda, T* w,
                T* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
                std::size_t);
  void (*gesdd)(const char* job, const int* m, const int* n, T* a, const int* lda, T* s, T* u,
                const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, int* iwork,
                int* info, std::size_t);
};

/// The routines for float or double. Throws UnsupportedError when no LAPACK is installed.
template <class T>
const Lapack<T>& lapack();

}  // namespace athanor::backends::cpu
