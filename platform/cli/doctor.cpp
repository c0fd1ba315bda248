#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

#include "athanor/base/file.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/tensor/tensor.hpp"
#include "platform/cli/commands.hpp"
#include "platform/cli/version.hpp"
#include "platform/runs/run_store.hpp"

namespace athanor::platform::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string first_line_with(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "";
}

std::string instruction_set() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
  return "SSE";
#else
  return "baseline";
#endif
}

struct Finding {
  std::string name;
  bool ok;
  std::string value;
  Text fix;
};

}  // namespace

int doctor(const Console& console) {
  std::vector<Finding> findings;
  utsname system{};
  uname(&system);
  findings.push_back({"system",
                      true,
                      fmt::format("{} {} {}", system.sysname, system.release, system.machine),
                      {}});
  findings.push_back(
      {"processor",
       true,
       fmt::format("{}, {} compute threads, {}", first_line_with("/proc/cpuinfo", "model name"),
                   compute_threads(), instruction_set()),
       {}});
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1u << 30);
  findings.push_back({"memory",
                      memory >= 1.5,
                      fmt::format("{:.1f} GiB", memory),
                      {"training wants 2 GiB or more", "训练需要 2 GiB 以上内存"}});
  const fs::path home = home_folder();
  const bool writable = ::access(home.c_str(), W_OK) == 0;
  findings.push_back(
      {"home",
       writable,
       home.string(),
       {"set ATHANOR_HOME to a folder that you may write", "把 ATHANOR_HOME 设为可写目录"}});
  const fs::space_info space = fs::space(home);
  findings.push_back(
      {"disk",
       space.available > (std::uint64_t{1} << 30),
       fmt::format("{:.1f} GiB free", static_cast<double>(space.available) / (1u << 30)),
       {"free some space, or set ATHANOR_HOME to another disk",
        "释放空间，或把 ATHANOR_HOME 设到其他磁盘"}});
  for (const char* name : {"OPENBLAS_CORETYPE", "OMP_NUM_THREADS"})
    if (const char* value = std::getenv(name)) findings.push_back({name, true, value, {}});
  // One product of matrices with a known answer: the libraries load and the kernels compute.
  const Tensor a = Tensor::full({64, 64}, 0.5), b = Tensor::full({64, 64}, 2);
  const double got = ops::sum(ops::matmul(a, b)).item();
  findings.push_back({"compute",
                      got == 64.0 * 64 * 64,
                      fmt::format("{} ops, self-test {}", registry().size(),
                                  got == 64.0 * 64 * 64 ? "passed" : "failed"),
                      {"reinstall: ./run", "重新安装：./run"}});

  bool healthy = true;
  std::vector<std::vector<std::string>> rows;
  json list = json::array();
  for (const Finding& f : findings) {
    healthy = healthy && f.ok;
    rows.push_back({f.ok ? console.pick("ok", "正常") : console.pick("PROBLEM", "问题"), f.name,
                    f.value, f.ok ? "" : in(console.language, f.fix)});
    json entry{{"name", f.name}, {"ok", f.ok}, {"value", f.value}};
    if (!f.ok) entry["fix"] = in(console.language, f.fix);
    list.push_back(std::move(entry));
  }
  console.table(rows);
  console.result({{"healthy", healthy}, {"version", kVersion}, {"findings", list}});
  return static_cast<int>(healthy ? Exit::ok : Exit::file);
}

int version(const Console& console) {
  console.print(fmt::format("athanor {}", kVersion));
  console.result({{"version", kVersion}, {"ops", registry().size()}});
  return static_cast<int>(Exit::ok);
}

}  // namespace athanor::platform::cli
