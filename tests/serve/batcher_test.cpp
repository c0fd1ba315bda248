#include "athanor/serve/batcher.hpp"

#include "athanor/serve/problem.hpp"
#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

/// y[r] = 10 * sum of the row, so each answer proves whose row it was. Refuses rows that begin with
/// a negative number; keeps the sizes of its runs.
class RowSums : public ServedModel {
 public:
  RowSums() {
    info_.name = "sums";
    info_.inputs = {{"x", "FP32", {-1, -1}}};
    info_.outputs = {{"y", "FP32", {-1}}};
  }
  const ModelInfo& info() const override { return info_; }
  std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) override {
    if (gate) gate->pass();
    const auto rows = inputs[0].shape[0], columns = inputs[0].shape[1];
    runs.push_back(rows);
    const auto x = values_of<float>(inputs[0].data);
    std::vector<float> y;
    for (std::int64_t r = 0; r < rows; ++r) {
      float sum = 0;
      if (x[static_cast<std::size_t>(r * columns)] < 0) throw ValueError("negative row");
      for (std::int64_t c = 0; c < columns; ++c)
        sum += x[static_cast<std::size_t>(r * columns + c)];
      y.push_back(10 * sum);
    }
    return {{"y", "FP32", {rows}, bytes_of(y)}};
  }
  Gate* gate = nullptr;
  std::vector<std::int64_t> runs;  ///< of the batcher's thread; read after it has ended

 private:
  ModelInfo info_;
};

std::vector<TensorValue> rows(std::vector<std::int64_t> shape, std::vector<float> values) {
  return {{"x", "FP32", std::move(shape), bytes_of(values)}};
}

float first(const std::vector<TensorValue>& outputs) {
  return values_of<float>(outputs[0].data)[0];
}

TEST(Batcher, GroupsWhatComesTogetherAndGivesEachItsRows) {
  const auto model = std::make_shared<RowSums>();
  Gate gate;
  model->gate = &gate;
  {
    Batcher batcher(model, {32, std::chrono::seconds(10)});
    // The first run holds the thread while the others arrive. It is of another shape, and so it
    // does not wait for company: five rows fill no batch, but max_batch of rows does.
    std::vector<std::shared_ptr<Batcher::Ticket>> tickets;
    tickets.push_back(batcher.submit(rows({32, 1}, std::vector<float>(32, 1.f))));
    gate.wait_for(1);
    for (int i = 0; i < 16; ++i)
      tickets.push_back(
          batcher.submit(rows({2, 2}, {static_cast<float>(i), 1, static_cast<float>(i), 2})));
    gate.open();
    const auto deadline = Clock::time_point::max();
    EXPECT_EQ(first(batcher.wait(tickets[0], deadline)), 10);
    for (int i = 0; i < 16; ++i) {
      const auto outputs = batcher.wait(tickets[static_cast<std::size_t>(i) + 1], deadline);
      EXPECT_EQ(outputs[0].shape, (std::vector<std::int64_t>{2}));
      const auto y = values_of<float>(outputs[0].data);
      EXPECT_EQ(y, (std::vector<float>{10.f * static_cast<float>(i + 1),
                                       10.f * static_cast<float>(i + 2)}));
    }
  }
  EXPECT_EQ(model->runs, (std::vector<std::int64_t>{32, 32}));
}

TEST(Batcher, DifferentShapesAreNotMixed) {
  const auto model = std::make_shared<RowSums>();
  Gate gate;
  model->gate = &gate;
  {
    Batcher batcher(model, {4, std::chrono::milliseconds(1)});
    auto a = batcher.submit(rows({4, 1}, {1, 1, 1, 1}));
    gate.wait_for(1);
    auto b = batcher.submit(rows({1, 1}, {2}));
    auto c = batcher.submit(rows({1, 2}, {3, 4}));
    auto d = batcher.submit(rows({1, 1}, {5}));
    gate.open();
    const auto deadline = Clock::time_point::max();
    EXPECT_EQ(first(batcher.wait(a, deadline)), 10);
    EXPECT_EQ(first(batcher.wait(b, deadline)), 20);
    EXPECT_EQ(first(batcher.wait(c, deadline)), 70);
    EXPECT_EQ(first(batcher.wait(d, deadline)), 50);
  }
  EXPECT_EQ(model->runs, (std::vector<std::int64_t>{4, 2, 1}));
}

TEST(Batcher, NeverExceedsTheLargestBatch) {
  const auto model = std::make_shared<RowSums>();
  Gate gate;
  model->gate = &gate;
  {
    Batcher batcher(model, {4, std::chrono::milliseconds(1)});
    std::vector<std::shared_ptr<Batcher::Ticket>> tickets;
    tickets.push_back(batcher.submit(rows({4, 1}, {1, 1, 1, 1})));
    gate.wait_for(1);
    for (int i = 0; i < 5; ++i) tickets.push_back(batcher.submit(rows({3, 1}, {1, 1, 1})));
    gate.open();
    for (const auto& ticket : tickets) batcher.wait(ticket, Clock::time_point::max());
  }
  for (const auto run : model->runs) EXPECT_LE(run, 4);
}

TEST(Batcher, OneBadRequestFailsAlone) {
  const auto model = std::make_shared<RowSums>();
  Gate gate;
  model->gate = &gate;
  Batcher batcher(model, {4, std::chrono::seconds(10)});
  auto hold = batcher.submit(rows({4, 1}, {1, 1, 1, 1}));
  gate.wait_for(1);
  auto good = batcher.submit(rows({1, 1}, {2}));
  auto bad = batcher.submit(rows({1, 1}, {-1}));
  auto also_good = batcher.submit(rows({2, 1}, {3, 4}));
  gate.open();
  const auto deadline = Clock::time_point::max();
  EXPECT_EQ(first(batcher.wait(good, deadline)), 20);
  EXPECT_THROW(batcher.wait(bad, deadline), ValueError);
  EXPECT_EQ(first(batcher.wait(also_good, deadline)), 30);
  batcher.wait(hold, deadline);
}

TEST(Batcher, WithoutDelayEveryRequestRunsAlone) {
  const auto model = std::make_shared<RowSums>();
  {
    Batcher batcher(model, {32, std::chrono::microseconds(0)});
    std::vector<std::shared_ptr<Batcher::Ticket>> tickets;
    for (int i = 0; i < 8; ++i) tickets.push_back(batcher.submit(rows({1, 1}, {1})));
    for (const auto& ticket : tickets) batcher.wait(ticket, Clock::time_point::max());
  }
  EXPECT_EQ(model->runs, std::vector<std::int64_t>(8, 1));
}

TEST(Batcher, WhatIsPastItsDeadlineIsNeverRun) {
  const auto model = std::make_shared<RowSums>();
  Gate gate;
  model->gate = &gate;
  {
    Batcher batcher(model, {1, std::chrono::microseconds(0)});
    auto running = batcher.submit(rows({1, 1}, {1}));
    gate.wait_for(1);
    auto waiting = batcher.submit(rows({1, 1}, {2}));
    EXPECT_THROW(batcher.wait(waiting, Clock::now()), HttpError);
    gate.open();
    EXPECT_EQ(first(batcher.wait(running, Clock::time_point::max())), 10);
  }
  EXPECT_EQ(model->runs.size(), 1u);
}

TEST(Batcher, ManyThreadsGetTheSameAsUnbatched) {
  const auto model = std::make_shared<RowSums>();
  std::atomic<int> good{0};
  {
    Batcher batcher(model, {8, std::chrono::milliseconds(1)});
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          const auto a = static_cast<float>(t), b = static_cast<float>(i);
          if (first(batcher.run(rows({1, 2}, {a, b}))) == 10 * (a + b)) ++good;
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(good.load(), 400);
}

}  // namespace
}  // namespace athanor::serve::testing
