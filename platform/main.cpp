#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "athanor/base/heap.hpp"
#include "athanor/base/parallel.hpp"
#include "platform/cli/commands.hpp"
#include "platform/cli/version.hpp"

namespace athanor::platform::cli {

namespace {

/// A picture of the whole command line; run() parses and calls the one command.
class Application {
 public:
  Application()
      : app_("athanor: from pictures to a working service, on your own machine", "athanor") {
    app_.set_version_flag("--version", std::string("athanor ") + kVersion);
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_flag("--json", console_.json, "stdout is exactly one JSON object or array");
    app_.add_flag("--quiet", console_.quiet, "no progress on stderr");
    app_.add_option("--lang", language_, "zh or en (default: the environment's)")
        ->check(CLI::IsMember({"zh", "en"}));
    app_.add_option("--threads", threads_, "compute threads (default: all cores)")
        ->check(CLI::Range(1, 1024));
    app_.add_flag("--deterministic", deterministic_, "the same bits with any number of threads");
    app_.add_option("--seed", seed_, "seed of all random numbers")->capture_default_str();
    app_.footer(
        "Exit status: 0 ok, 1 internal error, 2 usage, 3 data, 4 file or disk, 5 model, 6 network, "
        "7 memory, 130 interrupted.");
    add_fit();
    add_predict();
    add_serve();
    add_data();
    add_run();
    add_model();
    app_.add_subcommand("doctor",
                        "Check this machine: processor, memory, disk, a small computation")
        ->callback([this] { command_ = [this] { return doctor(console_); }; });
    app_.add_subcommand("version", "Print the version")->callback([this] {
      command_ = [this] { return version(console_); };
    });
  }

  int run(int argc, char** argv) {
    console_.language = environment_language();
    // Known before the rest is parsed: a refusal of the command line is in the asked language too.
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      const std::string_view value = word == "--lang" && i + 1 < argc ? argv[i + 1]
                                     : word.starts_with("--lang=")    ? word.substr(7)
                                                                      : std::string_view();
      if (value == "zh" || value == "en")
        console_.language = value == "zh" ? Language::zh : Language::en;
      if (word == "--json") console_.json = true;
    }
    try {
      app_.parse(argc, argv);
      if (!language_.empty()) console_.language = language_ == "zh" ? Language::zh : Language::en;
      if (threads_ > 0) set_compute_threads(threads_);
      set_deterministic(deterministic_);
      return command_();
    } catch (const CLI::ParseError& e) {
      if (e.get_exit_code() == 0) return app_.exit(e);  // --help, --version
      return refuse({"usage",
                     Exit::usage,
                     {"The command line is not understood", "无法理解该命令"},
                     "",
                     {e.what(), e.what()},
                     {"see: athanor --help, athanor COMMAND --help",
                      "查看帮助：athanor --help，athanor 命令 --help"}});
    } catch (const std::exception& e) {
      return refuse(as_refusal(e));
    }
  }

 private:
  int refuse(const Refusal& r) const {
    fmt::print(stderr, "{}", describe(r, console_.language));
    if (console_.json)
      console_.result({{"error",
                        {{"code", r.code},
                         {"what", in(console_.language, r.what)},
                         {"where", r.where},
                         {"why", in(console_.language, r.why)},
                         {"fix", in(console_.language, r.fix)}}}});
    return static_cast<int>(r.exit);
  }

  void add_fit() {
    auto* c =
        app_.add_subcommand("fit", "Train a model on pictures, check it, and write it as one .zip");
    c->add_option("DATA", fit_.data, "folder, archive, CSV list or IDX file of pictures")
        ->required();
    c->add_option("--budget", fit_.budget, "time for everything: 90s, 5m, 1h30m")
        ->capture_default_str();
    c->add_option("--preset", fit_.preset, "fast, balanced or accuracy")
        ->check(CLI::IsMember({"fast", "balanced", "accuracy"}))
        ->capture_default_str();
    c->add_option("--weights", fit_.weights,
                  "pretrained weights to start from (.safetensors, .pth, .th); none: random "
                  "numbers; default: athanor's own, if it has some for the model");
    c->add_option("--tune", fit_.tune,
                  "what is trained of pretrained weights: all, only the classifier (head), or the "
                  "better one of a trial (auto)")
        ->check(CLI::IsMember({"auto", "head", "all"}))
        ->capture_default_str();
    c->add_option("--model", fit_.model, "a model by name instead of the chosen one");
    c->add_option("--test", fit_.test, "held-out data of its own");
    c->add_option("--split", fit_.split, "stratified, order, every:N or given")
        ->capture_default_str();
    c->add_option("--test-fraction", fit_.test_fraction, "share of the pictures that is held out")
        ->check(CLI::Range(0.01, 0.9))
        ->capture_default_str();
    c->add_option("--label-column", fit_.label_column,
                  "column of a list that holds the label: name or number");
    c->add_option("--out", fit_.out, "where the model goes (default: NAME-OF-DATA.zip)");
    c->add_option("--epochs", fit_.epochs, "exactly so many epochs instead of a time budget")
        ->check(CLI::Range(1, 100000));
    c->add_option("--checkpoint-steps", fit_.checkpoint_steps,
                  "a checkpoint every so many steps instead of every 15 s")
        ->check(CLI::Range(1, 1000000));
    c->callback([this] {
      command_ = [this] {
        fit_.seed = seed_;
        return fit(console_, fit_);
      };
    });
  }
  void add_predict() {
    auto* c = app_.add_subcommand("predict", "Say what is on pictures");
    c->add_option("MODEL", predict_.model, "model package (.zip)")->required();
    c->add_option("FILE", predict_.files, "pictures, or folders of pictures")->required();
    c->add_option("--top-k", predict_.top_k, "labels for each picture")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    c->callback([this] { command_ = [this] { return predict(console_, predict_); }; });
  }
  void add_serve() {
    auto* c = app_.add_subcommand(
        "serve", "Answer predictions over HTTP: Open Inference Protocol v2 and POST /predict/NAME");
    c->add_option("MODEL", serve_.model, "model package (.zip)")->required();
    c->add_option("--port", serve_.port, "port; 0 takes any free one")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    c->add_option("--address", serve_.address, "address to listen on")->capture_default_str();
    c->add_option("--name", serve_.name, "name in the URL (default: the package's)");
    c->add_option("--max-batch", serve_.max_batch, "requests that are run together at most")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    c->add_option("--max-delay", serve_.max_delay_us,
                  "microseconds that a request waits for others; 0: never")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    c->callback([this] { command_ = [this] { return serve(console_, serve_); }; });
  }
  void add_data() {
    auto* group = app_.add_subcommand("data", "Look at pictures before training");
    group->require_subcommand(1);
    auto* check = group->add_subcommand("check", "Count classes and list every problem at once");
    check->add_option("DATA", data_.data, "folder, archive, CSV list or IDX file")->required();
    check->add_option("--label-column", data_.label_column,
                      "column of a list that holds the label");
    check->callback([this] { command_ = [this] { return data_check(console_, data_); }; });
    auto* show = group->add_subcommand("show", "A contact sheet of pictures as PNG");
    show->add_option("DATA", data_.data, "folder, archive, CSV list or IDX file")->required();
    show->add_option("--label-column", data_.label_column, "column of a list that holds the label");
    show->add_option("--out", sheet_, "PNG file")->capture_default_str();
    show->add_option("--columns", columns_, "pictures in a row")->capture_default_str();
    show->add_option("--rows", rows_, "rows")->capture_default_str();
    show->callback([this] {
      command_ = [this] { return data_show(console_, data_, sheet_, columns_, rows_, seed_); };
    });
    auto* sample = group->add_subcommand(
        "sample",
        "Write a generated data set: metal surfaces, good and with defects; or visual patterns");
    sample->add_option("FOLDER", folder_, "new or empty folder")->required();
    sample
        ->add_option(
            "--kind", kind_,
            "surface: four classes of parts; pattern: 200 classes to pretrain a network on")
        ->check(CLI::IsMember({"surface", "pattern"}))
        ->capture_default_str();
    sample->add_option("--count", count_, "pictures")->capture_default_str();
    sample->add_option("--side", side_, "width and height")->capture_default_str();
    sample->callback([this] {
      command_ = [this] { return data_sample(console_, folder_, kind_, count_, side_, seed_); };
    });
  }
  void add_run() {
    auto* group = app_.add_subcommand("run", "Training runs");
    group->require_subcommand(1);
    group->add_subcommand("ls", "List the runs")->callback([this] {
      command_ = [this] { return list_runs_command(console_); };
    });
    auto* resume = group->add_subcommand("resume", "Go on with a run that was stopped or killed");
    resume->add_option("RUN", run_, "id of the run, its beginning, or \"last\"")->required();
    resume->add_option("--out", out_, "where the model goes (default: as asked when it began)");
    resume->callback([this] { command_ = [this] { return resume_run(console_, run_, out_); }; });
  }
  void add_model() {
    auto* group = app_.add_subcommand("model", "Model packages");
    group->require_subcommand(1);
    auto* show = group->add_subcommand("show", "What a package holds");
    show->add_option("MODEL", model_, "model package (.zip)")->required();
    show->callback([this] { command_ = [this] { return model_show(console_, model_); }; });
  }

  CLI::App app_;
  Console console_;
  std::function<int()> command_;
  std::string language_, run_, kind_ = "surface";
  int threads_ = 0, columns_ = 12, rows_ = 8, side_ = 128;
  bool deterministic_ = false;
  std::uint64_t seed_ = 0;
  std::int64_t count_ = 1600;
  FitOptions fit_;
  PredictOptions predict_;
  ServeOptions serve_;
  DataOptions data_;
  std::filesystem::path sheet_ = "contact-sheet.png", folder_, out_, model_;
};

}  // namespace

}  // namespace athanor::platform::cli

int main(int argc, char** argv) {
  // OpenMP reads its environment before main() begins: hence once more, with a short wait. By
  // default a thread that is done spins for milliseconds; on a machine with other work that starves
  // the one it waits for (a training step took twelve times as long beside a compiler; with the
  // short wait twice).
  if (!std::getenv("GOMP_SPINCOUNT") && !std::getenv("OMP_WAIT_POLICY")) {
    setenv("GOMP_SPINCOUNT", "20000", 1);
    execv("/proc/self/exe", argv);
  }
  athanor::keep_freed_memory();
  athanor::platform::cli::Application application;
  return application.run(argc, argv);
}
