#include "support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace athanor::test {

namespace fs = std::filesystem;

Workplace::Workplace() {
  std::string pattern = (fs::temp_directory_path() / "athanor-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

Workplace::~Workplace() {
  std::error_code ignored;
  fs::permissions(path_, fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::remove_all(path_, ignored);
}

nlohmann::json Outcome::json() const {
  nlohmann::json value = nlohmann::json::parse(out, nullptr, false);
  EXPECT_FALSE(value.is_discarded())
      << "stdout is not one JSON value: " << out << "\nstderr: " << err;
  return value;
}

Process::Process(const Workplace& place, std::vector<std::string> arguments) {
  static std::atomic<int> number{0};
  const int n = number++;
  out_ = place / ("out-" + std::to_string(n));
  err_ = place / ("err-" + std::to_string(n));
  arguments.insert(arguments.begin(), ATH_BINARY);
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    setenv("ATHANOR_HOME", place.home().c_str(), 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    const int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
              err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
              in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

Process::~Process() {
  if (!done_) {
    kill(pid_, SIGKILL);
    int ignored = 0;
    waitpid(pid_, &ignored, 0);
  }
}

void Process::signal(int number) const { kill(pid_, number); }

bool Process::running() {
  if (done_) return false;
  if (waitpid(pid_, &status_, WNOHANG) != pid_) return true;
  done_ = true;
  return false;
}

Outcome Process::wait() {
  if (!done_) {
    waitpid(pid_, &status_, 0);
    done_ = true;
  }
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), read_text(out_),
          read_text(err_)};
}

std::string Process::out() const { return read_text(out_); }

Outcome athanor(const Workplace& place, std::vector<std::string> arguments) {
  return Process(place, std::move(arguments)).wait();
}

int shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

fs::path test_data(const std::string& name) {
  const char* given = std::getenv("ATHANOR_TEST_DATA");
  const fs::path folder =
      given && *given ? fs::path(given) : fs::path(ATH_SOURCE_DIR).parent_path() / "shared/data";
  if (!fs::exists(folder / name)) {
    ADD_FAILURE() << "TEST DATA IS ABSENT: " << folder / name
                  << ". Set ATHANOR_TEST_DATA to the folder that holds it.";
    return {};
  }
  return folder / name;
}

fs::path sample(const Workplace& place, const std::string& name, int count, int side, int seed) {
  const fs::path folder = place / name;
  const Outcome made =
      athanor(place, {"data", "sample", folder.string(), "--count", std::to_string(count), "--side",
                      std::to_string(side), "--seed", std::to_string(seed), "--quiet"});
  EXPECT_EQ(made.status, 0) << made.err;
  return folder;
}

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_text(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string zip_member(const fs::path& zip, const std::string& member) {
  const fs::path out = zip.string() + ".member";
  EXPECT_EQ(shell("unzip -p '" + zip.string() + "' '" + member + "' > '" + out.string() + "'"), 0)
      << zip << " has no " << member;
  return read_text(out);
}

}  // namespace athanor::test
