#include "athanor/serve/model_server.hpp"
#include "athanor/serve/package/classifier.hpp"
#include "athanor/serve/server.hpp"
#include "platform/cli/commands.hpp"

namespace athanor::platform::cli {

int serve(const Console& console, const ServeOptions& options) {
  namespace sv = athanor::serve;
  auto classifier = std::make_shared<const sv::Classifier>(sv::read_package(options.model));
  const std::string name =
      options.name.empty() ? classifier->manifest().name : sv::model_name(options.name);
  auto metrics = std::make_shared<sv::Metrics>();
  auto models = std::make_shared<sv::ModelRepository>(metrics);
  sv::BatchOptions batching;
  batching.max_batch = options.max_batch;
  batching.max_delay = std::chrono::microseconds(options.max_delay_us);
  models->add(sv::make_served(classifier, name), batching);

  sv::ServerOptions server_options;
  server_options.address = options.address;
  server_options.port = options.port;
  server_options.metrics = metrics;
  sv::Server server(server_options, sv::model_router(models, metrics, server_options.limits));
  server.start();
  // Said when signals are caught: whoever reads it may stop the server at once.
  sv::run_until_signal(server, [&] {
    console.print(fmt::format(fmt::runtime(console.pick("Serving {} at {}  (Ctrl-C stops)",
                                                        "模型 {} 已在 {} 提供服务（Ctrl-C 停止）")),
                              name, server.url()));
    console.print(fmt::format(
        "  {}", console.pick("try it in a browser, or:", "可在浏览器中打开试用，或执行：")));
    console.print(fmt::format("  curl -F image=@picture.jpg {}/predict/{}", server.url(), name));
    console.result({{"url", server.url()},
                    {"model", name},
                    {"port", server.port()},
                    {"predict", server.url() + "/predict/" + name}});
    std::fflush(stdout);
  });
  console.say(console.pick("Stopped; every accepted request was answered.",
                           "已停止；所有已接收的请求都已应答。"));
  return static_cast<int>(Exit::ok);
}

}  // namespace athanor::platform::cli
