#pragma once

namespace athanor {

/// Lets the C library keep freed memory for later allocations (blocks up to 32 MiB, of what is free
/// at the end of a heap up to 256 MiB) in place of returning its pages to the kernel. By default a
/// buffer of a few hundred kilobytes, such as a decoded picture, is mapped and unmapped each time,
/// and every page of it faults: on a virtual machine with slow faults decoding a JPEG of 500x375
/// took 4.5 times as long (bench/jpeg_load.cpp). For a program's main(), before it starts threads;
/// a library leaves it to the program. Does nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace athanor
