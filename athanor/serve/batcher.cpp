#include "athanor/serve/batcher.hpp"

#include <algorithm>
#include <exception>

#include "athanor/serve/problem.hpp"

namespace athanor::serve {

/// One request. Guarded by the batcher's mutex, but for the inputs and outputs while it runs.
class Batcher::Ticket {
 public:
  std::vector<TensorValue> inputs;
  std::vector<TensorValue> outputs;
  std::exception_ptr failure;
  Clock::time_point arrival;
  bool taken = false;
  bool done = false;
};

namespace {

bool any_first(const std::vector<TensorInfo>& tensors) {
  return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [](const TensorInfo& t) {
    return !t.shape.empty() && t.shape[0] < 0 && datatype_size(t.datatype) > 0;
  });
}

std::int64_t rows_of(const std::vector<TensorValue>& inputs) { return inputs[0].shape[0]; }

/// All inputs of one request have the same number of rows.
bool even(const std::vector<TensorValue>& inputs) {
  return std::all_of(inputs.begin(), inputs.end(), [&](const TensorValue& t) {
    return !t.shape.empty() && t.shape[0] == rows_of(inputs);
  });
}

bool agree(const std::vector<TensorValue>& a, const std::vector<TensorValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const TensorValue& x, const TensorValue& y) {
                      return x.datatype == y.datatype && x.shape.size() == y.shape.size() &&
                             std::equal(x.shape.begin() + 1, x.shape.end(), y.shape.begin() + 1);
                    });
}

}  // namespace

Batcher::Batcher(std::shared_ptr<ServedModel> model, BatchOptions options,
                 std::shared_ptr<Metrics> metrics)
    : model_(std::move(model)), options_(options), metrics_(std::move(metrics)) {
  stackable_ = options_.max_delay.count() > 0 && options_.max_batch > 1 &&
               any_first(model_->info().inputs) && any_first(model_->info().outputs);
  thread_ = std::thread([this] { work(); });
}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
  thread_.join();
}

std::shared_ptr<Batcher::Ticket> Batcher::submit(std::vector<TensorValue> inputs) {
  auto ticket = std::make_shared<Ticket>();
  ticket->inputs = std::move(inputs);
  ticket->arrival = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(ticket);
  }
  arrived_.notify_one();
  return ticket;
}

std::vector<TensorValue> Batcher::wait(const std::shared_ptr<Ticket>& ticket,
                                       Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return ticket->done; };
  if (deadline == Clock::time_point::max()) {
    finished_.wait(lock, done);
  } else if (!finished_.wait_until(lock, deadline, done)) {
    if (!ticket->taken) std::erase(queue_, ticket);
    refuse(504, "deadline",
           {"the model did not answer before the request's deadline", "模型未能在时限内完成处理"},
           {"try again later, or send less at once", "请稍后重试，或减少单次输入"});
  }
  if (ticket->failure) std::rethrow_exception(ticket->failure);
  return std::move(ticket->outputs);
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Group group{queue_.front()};
    queue_.pop_front();
    group[0]->taken = true;
    if (stackable_ && even(group[0]->inputs)) {
      const auto until = group[0]->arrival + options_.max_delay;
      std::int64_t rows = gather(group, rows_of(group[0]->inputs));
      while (rows < options_.max_batch && !ending_ &&
             arrived_.wait_until(lock, until) == std::cv_status::no_timeout)
        rows = gather(group, rows);
    }
    lock.unlock();
    run_group(group);
    lock.lock();
    for (const auto& ticket : group) ticket->done = true;
    finished_.notify_all();
  }
}

/// Moves what fits to the first of the group out of the queue; returns the rows of all.
std::int64_t Batcher::gather(Group& group, std::int64_t rows) {
  for (auto it = queue_.begin(); it != queue_.end() && rows < options_.max_batch;) {
    const auto& inputs = (*it)->inputs;
    if (!even(inputs) || !agree(group[0]->inputs, inputs) ||
        rows + rows_of(inputs) > options_.max_batch) {
      ++it;
      continue;
    }
    rows += rows_of(inputs);
    (*it)->taken = true;
    group.push_back(*it);
    it = queue_.erase(it);
  }
  return rows;
}

void Batcher::run_group(const Group& group) {
  if (group.size() > 1) {
    try {
      run_stacked(group);
      return;
    } catch (const std::exception&) {
      for (const auto& ticket : group) ticket->outputs.clear();
    }
  }
  for (const auto& ticket : group) run_one(*ticket);
}

void Batcher::run_one(Ticket& ticket) {
  const auto begin = Clock::now();
  try {
    ticket.outputs = model_->infer(ticket.inputs);
  } catch (...) {
    ticket.failure = std::current_exception();
  }
  const bool rows = !ticket.inputs.empty() && !ticket.inputs[0].shape.empty();
  if (metrics_)
    metrics_->batch(model_->info().name, 1, rows ? rows_of(ticket.inputs) : 1,
                    std::chrono::duration<double>(Clock::now() - begin).count());
}

void Batcher::run_stacked(const Group& group) {
  const auto begin = Clock::now();
  std::vector<TensorValue> inputs = group[0]->inputs;
  std::int64_t rows = rows_of(inputs);
  for (std::size_t i = 1; i < group.size(); ++i) rows += rows_of(group[i]->inputs);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    inputs[k].data.reserve(inputs[k].data.size() / static_cast<std::size_t>(inputs[k].shape[0]) *
                           static_cast<std::size_t>(rows));
    for (std::size_t i = 1; i < group.size(); ++i) {
      const auto& more = group[i]->inputs[k].data;
      inputs[k].data.insert(inputs[k].data.end(), more.begin(), more.end());
    }
    inputs[k].shape[0] = rows;
  }
  std::vector<TensorValue> outputs = model_->infer(inputs);
  for (const TensorValue& output : outputs)
    require<InternalError>(!output.shape.empty() && output.shape[0] == rows &&
                               output.data.size() % static_cast<std::size_t>(rows) == 0,
                           "model {}: output {} has not the {} rows of its inputs",
                           model_->info().name, output.name, rows);
  std::size_t row = 0;
  for (const auto& ticket : group) {
    const auto count = static_cast<std::size_t>(rows_of(ticket->inputs));
    for (const TensorValue& output : outputs) {
      const std::size_t size = output.data.size() / static_cast<std::size_t>(rows);
      const auto from = output.data.begin() + static_cast<std::ptrdiff_t>(row * size);
      TensorValue part{output.name, output.datatype, output.shape, {}};
      part.shape[0] = static_cast<std::int64_t>(count);
      part.data.assign(from, from + static_cast<std::ptrdiff_t>(count * size));
      ticket->outputs.push_back(std::move(part));
    }
    row += count;
  }
  if (metrics_)
    metrics_->batch(model_->info().name, static_cast<std::int64_t>(group.size()), rows,
                    std::chrono::duration<double>(Clock::now() - begin).count());
}

}  // namespace athanor::serve
