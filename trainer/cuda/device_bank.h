// A bank on a device: slots side by side in its memory, the jobs of a call batched.
//
// Jobs of equal size are taken together, as many as there is working memory for (a wave); within a wave each has a number, and
// tables tell the kernels which slot that is. A member's numbers do not depend on the wave: shapes and the order of sums are those
// of its own batch. A batch that is only looked at is padded to a power of two, so that few shapes occur. When the slots of a wave
// lie side by side, products take the bank's own copies of the weights; else they are gathered first.
#pragma once
#include <algorithm>
#include <cmath>
#include <list>
#include <memory>
#include <numeric>
#include <tuple>
#include <type_traits>
#include <vector>

#include "trainer/bank.h"
#include "trainer/buffer.h"
#include "trainer/cuda/passes.h"
#include "trainer/cuda/update.h"
#include "trainer/cuda/wave_tables.h"

namespace fader::cuda {

constexpr Index kSmallestLook = 32;  // positions

/// Members that a wave may have: as many as there are slots, and more where a few slots have many jobs.
inline Index most_members(int slots) { return std::max<Index>(slots, 64); }

template <class Device, class T>
class DeviceBank final : public Bank {
  static constexpr bool kRounded = !std::is_same_v<T, float>;

 public:
  DeviceBank(std::unique_ptr<Device> device, const ModelOptions& model, const TrainOptions& train, int slots,
             std::shared_ptr<const Corpus> corpus)
      : device_(std::move(device)), o_(model), t_(train), layout_(model), slots_(slots), corpus_(std::move(corpus)) {
    FADER_CHECK(slots > 0 && corpus_ != nullptr);
    FADER_CHECK_EQ(corpus_->vocabulary(), o_.vocabulary);
    for (auto* a : {&parameters_, &first_, &second_}) zeros(*a);
    if (kRounded) operands_.at_least(slots_ * layout_.size);
    cut();
    const auto tokens = corpus_->tokens();
    device_->upload(tokens_.at_least(std::max<Index>(1, static_cast<Index>(tokens.size()))), tokens.data(), tokens.size_bytes());
    device_->wait();
    passes_ =
        std::make_unique<Passes<Device, T>>(*device_, o_, layout_, t_.recompute, slots, tokens_.data(), corpus_->begin_mark());
    budget_ =
        static_cast<Index>(device_->memory() / 2);  // the rest: reference gradients, means of weights, the products' own needs
    reference_norm_.resize(static_cast<std::size_t>(slots));
  }

  void reset(int slot, std::uint64_t seed) override {
    Buffer<float> fresh(static_cast<std::size_t>(layout_.size));
    initialise(layout_, seed, fresh);
    put_parameters(slot, fresh);
    for (auto* a : {&first_, &second_, &reference_, &mean_})
      if (a->size() > 0) device_->zero(of(*a, slot), flat_bytes());
    reference_norm_[checked(slot)] = 0;
    device_->wait();
  }

  void step(std::span<StepJob> jobs) override {
    order_.clear();
    for (StepJob& job : jobs) order_.push_back(&job);
    const auto place = [](const StepJob* j) { return std::tuple(j->dots.empty(), j->batch->positions(), j->slot); };
    std::sort(order_.begin(), order_.end(), [&](const StepJob* a, const StepJob* b) { return place(a) < place(b); });
    one_job_a_slot<StepJob>(jobs);
    const auto silent = std::find_if(order_.begin(), order_.end(), [](const StepJob* j) { return j->dots.empty(); });
    for (const std::span<StepJob*> part : {std::span(order_.begin(), silent), std::span(silent, order_.end())})
      in_waves<StepJob*>(
          part, [](StepJob* j) { return j->batch->positions(); }, [this](std::span<StepJob*> wave) { step_wave(wave); });
  }

  void losses(std::span<LookJob> jobs) override {
    std::vector<Look> looks;
    for (LookJob& job : jobs)
      for (const Look& look : looks_of(job)) looks.push_back(look);
    look_at(looks, false);
  }

  void reference(std::span<LookJob> jobs) override {
    one_job_a_slot<LookJob>(jobs);
    if (reference_.size() == 0) zeros(reference_);
    gradients(jobs, [this](std::span<LookJob*> wave) {
      const std::span<const Sums> sums = against_references(wave);
      for (std::size_t i = 0; i < wave.size(); ++i) {
        wave[i]->dot = sums[i].gr;
        device_->copy(of(reference_, wave[i]->slot), gradient_.data() + static_cast<Index>(i) * layout_.size, flat_bytes());
        reference_norm_[checked(wave[i]->slot)] = std::sqrt(sums[i].gg);
      }
    });
  }

  void influence(std::span<LookJob> jobs) override {
    gradients(jobs, [this](std::span<LookJob*> wave) {
      const std::span<const Sums> sums = against_references(wave);
      for (std::size_t i = 0; i < wave.size(); ++i) {
        wave[i]->dot = sums[i].gr;
        wave[i]->norm = std::sqrt(sums[i].gg);
      }
    });
  }

  /// Squares by one gradient for each segment: here it is cheap to have many of them at once.
  void influence_of_each(std::span<LookJob> jobs) override {
    std::vector<Look> looks;
    std::vector<LookJob> alone;
    std::list<Batch> batches;
    for (LookJob& job : jobs) {
      if (!job.squares.empty()) {
        apart(job, batches, alone);
        continue;
      }
      for (const Look& look : looks_of(job)) looks.push_back(look);
    }
    look_at(looks, true);
    influence(alone);
    auto one = alone.begin();
    for (LookJob& job : jobs)
      for (std::size_t s = 0; s < job.squares.size(); ++s, ++one) {
        job.dots[s] = static_cast<float>(one->dot);
        job.squares[s] = static_cast<float>(one->norm * one->norm);
      }
  }

  double reference_norm(int slot) const override { return reference_norm_[checked(slot)]; }

  void state(Archive& archive, int slot, bool has_reference, bool has_mean) override {
    Buffer<float> numbers(static_cast<std::size_t>(layout_.size));
    const auto field = [&](const char* name, Array<Device, float>& array) {
      if (array.size() == 0) zeros(array);
      device_->download(numbers.data(), of(array, slot), flat_bytes());
      device_->wait();
      archive.field(name, std::span<float>(numbers));
      if (!archive.loading()) return;
      if (&array == &parameters_) put_parameters(slot, numbers);
      else device_->upload(of(array, slot), numbers.data(), flat_bytes());
      device_->wait();
    };
    field("parameters", parameters_);
    field("moment1", first_);
    field("moment2", second_);
    if (has_reference) field("reference", reference_);
    if (has_reference && archive.loading())
      reference_norm_[checked(slot)] = std::sqrt(sums_of(of(reference_, slot), 1, nullptr)[0].gg);
    if (has_mean) field("mean", mean_);
  }

 private:
  // A batch of a job that is only looked at.
  struct Look {
    LookJob* job;
    const Batch* batch;
    std::span<float> nats;
    std::span<const float> weight;
    std::span<float> dots;
    Index padded;  // positions
  };

  // --- slots ------------------------------------------------------------------------------------------------------------

  std::size_t checked(int slot) const {
    FADER_CHECK(slot >= 0 && slot < slots_, "slot {} of {}", slot, slots_);
    return static_cast<std::size_t>(slot);
  }
  float* of(const Array<Device, float>& array, int slot) const {
    return array.data() + static_cast<Index>(checked(slot)) * layout_.size;
  }
  std::size_t flat_bytes() const { return static_cast<std::size_t>(layout_.size) * sizeof(float); }
  void zeros(Array<Device, float>& array) {
    array.at_least(slots_ * layout_.size);
    device_->zero(array.data(), static_cast<std::size_t>(slots_) * flat_bytes());
  }
  void put_parameters(int slot, std::span<const float> numbers) {
    device_->upload(of(parameters_, slot), numbers.data(), flat_bytes());
    if (kRounded) {
      Buffer<T> rounded(numbers.size());
      for (std::size_t i = 0; i < rounded.size(); ++i) rounded[i] = narrow<T>(numbers[i]);
      device_->upload(operands_.data() + static_cast<Index>(slot) * layout_.size, rounded.data(), rounded.size() * sizeof(T));
      device_->wait();
    }
  }
  template <class Job>
  void one_job_a_slot(std::span<const Job> jobs) {
    named_.clear();
    for (const Job& job : jobs) named_.push_back(job.slot);
    std::sort(named_.begin(), named_.end());
    FADER_CHECK(std::adjacent_find(named_.begin(), named_.end()) == named_.end(), "two jobs of one slot");
  }

  // --- waves ------------------------------------------------------------------------------------------------------------

  Index most_members(Index positions) const {
    const Index each = passes_->bytes(positions) + layout_.size * static_cast<Index>(sizeof(float) + sizeof(T) + (kRounded ? sizeof(T) : 0));
    return std::clamp<Index>(budget_ / each, 1, cuda::most_members(slots_));
  }
  // Calls serve(part) with runs of equal size, of no more members than there is working memory for.
  template <class Item, class Size, class Serve>
  void in_waves(std::span<Item> items, const Size& size, const Serve& serve) {
    for (std::size_t first = 0, last = 0; first < items.size(); first = last) {
      const auto most = static_cast<std::size_t>(most_members(size(items[first])));
      while (last < items.size() && last - first < most && size(items[last]) == size(items[first])) ++last;
      serve(items.subspan(first, last - first));
    }
  }

  // --- steps ------------------------------------------------------------------------------------------------------------

  void step_wave(std::span<StepJob*> wave) {
    const auto n = static_cast<Index>(wave.size()), positions = static_cast<Index>(wave[0]->batch->positions());
    tables_.clear();
    const auto updates = updates_.resize(n);
    for (std::size_t i = 0; i < wave.size(); ++i) {
      const StepJob& job = *wave[i];
      FADER_CHECK_EQ(static_cast<Index>(job.nats.size()), positions);
      if (job.averaged > 0 && mean_.size() == 0) zeros(mean_);
      const float share = 1.0f / static_cast<float>(positions);
      tables_.add(*job.batch, of(parameters_, job.slot), direction_of(job.slot), [share](std::size_t) { return share; });
      updates[i] = update_of(job);
    }
    tables_.upload();
    updates_.upload();
    const bool measures = !wave[0]->dots.empty();
    reserve(n, positions, true, measures);
    const Weights weights = weights_of(wave, [](const StepJob* job) { return std::pair(job->slot, false); });
    verdicts_.resize(n);
    const auto key = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(weights.operands));
    device_->replay({n, positions, key, (weights.gathered ? 1 : 0) + (measures ? 2 : 0)}, [&] {
      device_->zero(gradient_.data(), static_cast<std::size_t>(n) * flat_bytes());
      run(weights, n, positions, gradient_.data(), measures);
      // Where one model is trained by several processes, gradient_ and the losses are to be summed over them here.
      take_steps(n, positions);
    });
    verdicts_.download();
    collect(passes_->nats(), n, positions, [&](std::size_t i) { return wave[i]->nats; });
    if (measures) collect(passes_->dots(), n, positions, [&](std::size_t i) { return wave[i]->dots; });
    for (std::size_t i = 0; i < wave.size(); ++i) {
      const Verdict& v = verdicts_.rows()[i];
      wave[i]->loss = v.loss;
      wave[i]->gradient_norm = v.norm;
      wave[i]->taken = v.taken != 0;
    }
  }

  Update update_of(const StepJob& job) const {
    Update u{};
    u.parameters = of(parameters_, job.slot);
    u.first = of(first_, job.slot);
    u.second = of(second_, job.slot);
    if (job.averaged > 0) u.mean = of(mean_, job.slot);
    if (kRounded) u.operands = operands_.data() + job.slot * layout_.size;
    const auto t = static_cast<double>(job.step);
    u.clip = t_.clip;
    u.beta1 = static_cast<float>(t_.beta1);
    u.beta2 = static_cast<float>(t_.beta2);
    u.rate = static_cast<float>(job.rate / (1.0 - std::pow(t_.beta1, t)));
    u.correct2 = static_cast<float>(1.0 / (1.0 - std::pow(t_.beta2, t)));
    u.epsilon = static_cast<float>(t_.epsilon);
    u.keep = static_cast<float>(1.0 - job.rate * t_.weight_decay);
    u.mean_share = job.averaged > 0 ? 1.0f / static_cast<float>(job.averaged) : 0.0f;
    return u;
  }

  void take_steps(Index n, Index positions) {
    launch_sums(gradient_.data(), n, nullptr);
    device_->launch(n, Judge{tables_.members(), updates_.device(), sums_.device(), passes_->nats(), positions, verdicts_.device()});
    const Index pieces = static_cast<Index>(pieces_.rows().size());
    device_->launch(n * pieces, AdamWUpdate<T>{pieces_.device(), pieces, updates_.device(), verdicts_.device(), gradient_.data(),
                                               layout_.size});
  }

  // --- looking ----------------------------------------------------------------------------------------------------------

  std::vector<Look> looks_of(LookJob& job) const {
    std::vector<Look> looks;
    std::size_t positions = 0, segments = 0;
    for (const Batch& batch : job.batches) {
      const auto p = static_cast<std::size_t>(batch.positions());
      if (p == 0) continue;
      Index padded = kSmallestLook;
      while (padded < batch.positions()) padded *= 2;
      const bool weighted = !job.weight.empty();
      looks.push_back({&job, &batch, job.nats.subspan(positions, p),
                       weighted ? job.weight.subspan(segments, batch.segments()) : job.weight,
                       job.dots.empty() ? job.dots : job.dots.subspan(segments, batch.segments()), padded});
      positions += p;
      segments += batch.segments();
    }
    return looks;
  }

  // Forward; backward too when inner products of segments are wanted.
  void look_at(std::vector<Look>& looks, bool dots) {
    std::stable_sort(looks.begin(), looks.end(), [](const Look& a, const Look& b) { return a.padded < b.padded; });
    in_waves<Look>(looks, [](const Look& l) { return l.padded; }, [=, this](std::span<Look> wave) { look_wave(wave, nullptr, dots); });
  }

  // Forward; and backward, when `gradient` is given, one flat buffer behind another, added to, or `dots` are wanted.
  void look_wave(std::span<Look> wave, float* gradient, bool dots) {
    const auto n = static_cast<Index>(wave.size()), positions = wave[0].padded;
    const bool backward = gradient != nullptr || dots;
    tables_.clear();
    for (const Look& look : wave) {
      const LookJob& job = *look.job;
      FADER_CHECK(!job.averaged || mean_.size() > 0, "slot {} keeps no mean of its weights", job.slot);
      FADER_CHECK(!backward || look.weight.size() == look.batch->segments());
      tables_.add(*look.batch, of(job.averaged ? mean_ : parameters_, job.slot), direction_of(job.slot),
                  [&](std::size_t s) { return backward ? look.weight[s] : 0.0f; });
    }
    tables_.upload();
    reserve(n, positions, gradient != nullptr, dots);
    const Weights weights = weights_of(wave, [](const Look& look) { return std::pair(look.job->slot, look.job->averaged); });
    run(weights, n, positions, gradient, dots);
    collect(passes_->nats(), n, positions, [&](std::size_t i) { return wave[i].nats; });
    if (dots) collect(passes_->dots(), n, positions, [&](std::size_t i) { return wave[i].dots; });
  }

  // A job for each segment of a job.
  void apart(const LookJob& job, std::list<Batch>& batches, std::vector<LookJob>& alone) const {
    std::size_t segment = 0, position = 0;
    for (const Batch& batch : job.batches)
      for (std::size_t s = 0; s < batch.segments(); ++s, ++segment) {
        const auto n = static_cast<std::size_t>(batch.length(s));
        Batch& one = batches.emplace_back();
        one.add({batch.source[s], n}, batch.input[static_cast<std::size_t>(batch.begin[s])], batch.owner[s]);
        alone.push_back({.slot = job.slot, .averaged = job.averaged, .batches = {&one, 1}, .weight = job.weight.subspan(segment, 1),
                         .nats = job.nats.subspan(position, n)});
        position += n;
      }
  }

  // Gradients of jobs: done(jobs) with those whose gradients are the rows of gradient_. Jobs whose batches are padded alike stand
  // together, so that each of their batches is a wave for all of them.
  template <class Done>
  void gradients(std::span<LookJob> jobs, const Done& done) {
    std::vector<std::vector<Look>> looks;
    std::vector<std::size_t> order(jobs.size());
    std::iota(order.begin(), order.end(), 0u);
    Index largest = kSmallestLook;
    for (LookJob& job : jobs) {
      looks.push_back(looks_of(job));
      for (const Look& look : looks.back()) largest = std::max(largest, look.padded);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::lexicographical_compare(looks[a].begin(), looks[a].end(), looks[b].begin(), looks[b].end(),
                                          [](const Look& x, const Look& y) { return x.padded < y.padded; });
    });
    in_waves<std::size_t>(order, [=](std::size_t) { return largest; }, [&](std::span<std::size_t> part) {
      std::vector<LookJob*> wave;
      for (const std::size_t i : part) wave.push_back(&jobs[i]);
      const auto bytes = wave.size() * flat_bytes();
      device_->zero(gradient_.at_least(static_cast<Index>(wave.size()) * layout_.size), bytes);
      std::vector<Look> together;
      bool more = true;
      for (std::size_t k = 0; more; ++k) {
        more = false;
        for (std::size_t first = 0, i = 0; i < part.size(); first = i) {
          const auto& front = looks[part[first]];
          for (together.clear(); i < part.size() && looks[part[i]].size() > k && looks[part[i]][k].padded == front[k].padded; ++i)
            together.push_back(looks[part[i]][k]);
          if (together.empty()) ++i;
          else look_wave(together, gradient_.data() + static_cast<Index>(first) * layout_.size, false);
          more = more || !together.empty();
        }
      }
      done(std::span<LookJob*>(wave));
    });
  }

  // --- both -------------------------------------------------------------------------------------------------------------

  struct Weights {
    const T* operands;  // [M, Layout::size]
    bool gathered;      // by `run`, from the table of members
  };
  // place(item): slot, and whether the mean is meant.
  template <class Item, class Place>
  Weights weights_of(std::span<Item> wave, const Place& place) {
    const T* own;
    if constexpr (kRounded) own = operands_.data();
    else own = parameters_.data();
    const int first = place(wave[0]).first;
    bool side_by_side = true;
    for (std::size_t i = 0; i < wave.size(); ++i)
      side_by_side = side_by_side && place(wave[i]) == std::pair(first + static_cast<int>(i), false);
    if (side_by_side) return {own + first * layout_.size, false};
    return {gathered_.at_least(static_cast<Index>(wave.size()) * layout_.size), true};
  }

  void reserve(Index members, Index positions, bool gradient, bool directions) {
    passes_->reserve(members, positions, gradient || directions, directions);
    if (gradient) gradient_.at_least(members * layout_.size);
    if (directions) directions_.at_least(members * layout_.size);
    parts_.at_least(members * static_cast<Index>(pieces_.rows().size()));
    sums_.resize(members);
  }

  // What segments of a slot are compared with; null: nothing yet.
  const float* direction_of(int slot) const { return reference_.size() == 0 ? nullptr : of(reference_, slot); }

  void run(const Weights& weights, Index members, Index positions, float* gradient, bool directions) {
    FADER_CHECK(!directions || reference_.size() > 0, "no slot has a reference gradient");
    const Index pieces = members * blocks_of(layout_.size, kPiece);
    if (weights.gathered) device_->launch(pieces, GatherOperands<T>{tables_.members(), false, layout_.size, gathered_.data()});
    if (directions) device_->launch(pieces, GatherOperands<T>{tables_.members(), true, layout_.size, directions_.data()});
    passes_->run({members, positions, tables_.members(), tables_.segments(), tables_.loose(), weights.operands, gradient,
                  directions ? directions_.data() : nullptr});
  }

  // From [M, P] on the device to where target(i) says, as much as has room there.
  template <class Target>
  void collect(const float* from, Index members, Index positions, const Target& target) {
    const auto all = collected_.resize(members * positions);
    collected_.fetch(from);
    device_->wait();
    for (std::size_t i = 0; i < static_cast<std::size_t>(members); ++i) {
      const std::span<float> to = target(i);
      std::copy_n(all.subspan(i * static_cast<std::size_t>(positions)).begin(), to.size(), to.begin());
    }
  }

  // Sums over the gradients in gradient_, and with the reference gradients of their jobs' slots.
  std::span<const Sums> against_references(std::span<LookJob*> wave) {
    const auto n = static_cast<Index>(wave.size());
    const auto references = compared_.resize(n);
    for (std::size_t i = 0; i < wave.size(); ++i) references[i] = direction_of(wave[i]->slot);
    compared_.upload();
    return sums_of(gradient_.data(), n, compared_.device());
  }

  // Sums over n flat buffers into sums_; room for n is there.
  void launch_sums(const float* gradient, Index n, const float* const* references) {
    const Index pieces = static_cast<Index>(pieces_.rows().size());
    device_->launch(n * pieces, PieceSums{pieces_.device(), pieces, gradient, references, layout_.size, parts_.data()});
    device_->launch(n, TotalSums{parts_.data(), pieces, sums_.device()});
  }
  std::span<const Sums> sums_of(const float* gradient, Index n, const float* const* references) {
    parts_.at_least(n * static_cast<Index>(pieces_.rows().size()));
    sums_.resize(n);
    launch_sums(gradient, n, references);
    sums_.download();
    device_->wait();
    return sums_.rows();
  }

  // Cuts flat buffers into pieces.
  void cut() {
    std::vector<Piece> pieces;
    for (const Tensor& t : layout_.tensors)
      for (Index i = 0; i < t.size(); i += kPiece)
        pieces.push_back({t.offset + i, static_cast<std::int32_t>(std::min<Index>(kPiece, t.size() - i)), t.matrix() ? 1 : 0});
    const auto rows = pieces_.resize(static_cast<Index>(pieces.size()));
    std::copy(pieces.begin(), pieces.end(), rows.begin());
    pieces_.upload();
    device_->wait();
  }

  const std::unique_ptr<Device> device_;
  const ModelOptions o_;
  const TrainOptions t_;
  const Layout layout_;
  const int slots_;
  const std::shared_ptr<const Corpus> corpus_;
  std::vector<StepJob*> order_;          // of a call of step
  std::vector<int> named_;               // slots of a call
  Index budget_ = 0;                     // bytes for the working memory of a wave
  std::vector<double> reference_norm_;   // of each slot
  Array<Device, float> parameters_{*device_}, first_{*device_}, second_{*device_};  // [slots, Layout::size]
  Array<Device, float> reference_{*device_}, mean_{*device_};                       // the same; empty until there is one
  Array<Device, T> operands_{*device_}, gathered_{*device_};  // parameters as products take them, of slots and of a wave
  Array<Device, float> gradient_{*device_};                   // [M, Layout::size]
  Array<Device, T> directions_{*device_};                     // the same, as products take them
  Array<Device, std::uint32_t> tokens_{*device_};
  Array<Device, Sums> parts_{*device_};
  Table<Device, Piece> pieces_{*device_};
  Table<Device, Update> updates_{*device_};
  Table<Device, Verdict> verdicts_{*device_};
  Table<Device, Sums> sums_{*device_};
  Table<Device, const float*> compared_{*device_};
  Table<Device, float> collected_{*device_};
  WaveTables<Device> tables_{*device_, corpus_->tokens()};
  std::unique_ptr<Passes<Device, T>> passes_;
};

}  // namespace fader::cuda
