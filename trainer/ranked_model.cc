#include "trainer/ranked_model.h"

#include <algorithm>
#include <bit>

#include "trainer/buffer.h"

namespace fader {
namespace {

constexpr std::size_t kSampled = 64;  // parameters that ranks compare before a batch
constexpr const char* kWhatDiffers = "the model or the text that they train on; all must be the same program on processors of the same kind";

/// Of what ranks must agree in before they add up what they make of it.
class Digest {
 public:
  void add(std::uint64_t x) { value_ = (value_ ^ x) * 0x9e3779b97f4a7c15u, value_ ^= value_ >> 29; }
  template <class T>
  void add(const std::vector<T>& values) {
    add(values.size());
    for (const T x : values) add(static_cast<std::uint64_t>(x));
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 1;
};

class RankedModel final : public Model<float> {
 public:
  RankedModel(std::unique_ptr<Model<float>> model, std::shared_ptr<Ranks> ranks)
      : model_(std::move(model)), ranks_(std::move(ranks)) {}

  void losses(std::span<const float> parameters, const Batch& batch, std::span<float> nats) override {
    run({parameters, batch, {}, {}}, nats, {}, false);
  }
  void differentiate(std::span<const float> parameters, const Batch& batch, std::span<const float> weight, std::span<float> nats,
                     std::span<float> gradient, const SegmentWish<float>& wish) override {
    run({parameters, batch, weight, wish}, nats, gradient, true);
  }
  void measure() override { model_->measure(); }
  PartSeconds seconds() const override { return model_->seconds(); }

 private:
  struct Call {
    std::span<const float> parameters;
    const Batch& batch;
    std::span<const float> weight;
    SegmentWish<float> wish;
  };

  /// What a rank adds to a sum: zero where other ranks have theirs.
  struct Summand {
    Summand(std::span<float> all, std::size_t numbers, const Call& call)
        : gradient(all.first(numbers)), nats(all.subspan(numbers, static_cast<std::size_t>(call.batch.positions()))),
          dot(all.subspan(numbers + nats.size(), call.wish.dot.size())), square(all.last(call.wish.square.size())) {}
    std::span<float> gradient, nats, dot, square;
  };

  void run(const Call& call, std::span<float> nats, std::span<float> gradient, bool backward) {
    const std::size_t n = gradient.size(), all = n + nats.size() + call.wish.dot.size() + call.wish.square.size();
    FADER_CHECK_EQ(static_cast<std::int64_t>(nats.size()), call.batch.positions());
    cut(call.batch);
    const std::span<float> sums(at_least(sums_, static_cast<std::int64_t>(all)), all);
    try {
      ranks_->same(digest(call, n, backward), kWhatDiffers);
      part(ranks_->rank(), call, n, backward, sums);
      ranks_->sum(sums);
    } catch (const LostRank&) {
      if (ranks_->rank() != 0) throw;
      alone(call, n, backward, sums);
    }
    const Summand sum(sums, n, call);
    for (std::size_t i = 0; i < n; ++i) gradient[i] += sum.gradient[i];
    std::copy(sum.nats.begin(), sum.nats.end(), nats.begin());
    std::copy(sum.dot.begin(), sum.dot.end(), call.wish.dot.begin());
    std::copy(sum.square.begin(), sum.square.end(), call.wish.square.begin());
  }

  /// Whatever the ranks would have done, here.
  void alone(const Call& call, std::size_t numbers, bool backward, std::span<float> sums) {
    const std::span<float> more(at_least(more_, static_cast<std::int64_t>(sums.size())), sums.size());
    part(0, call, numbers, backward, sums);
    for (int r = 1; r < ranks_->size(); ++r) {
      part(r, call, numbers, backward, more);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
    }
  }

  /// The summand of a rank: `numbers` of the gradient, the loss of each position, what is wanted of each segment.
  void part(int rank, const Call& call, std::size_t numbers, bool backward, std::span<float> all) {
    const Batch& batch = call.batch;
    std::fill(all.begin(), all.end(), 0.0f);
    const std::size_t first = borders_[static_cast<std::size_t>(rank)], last = borders_[static_cast<std::size_t>(rank) + 1];
    if (first == last) return;
    const std::int32_t begin = batch.begin[first], end = batch.begin[last];
    part_.input.assign(batch.input.begin() + begin, batch.input.begin() + end);
    part_.target.assign(batch.target.begin() + begin, batch.target.begin() + end);
    part_.owner.assign(batch.owner.begin() + static_cast<std::ptrdiff_t>(first), batch.owner.begin() + static_cast<std::ptrdiff_t>(last));
    part_.source.assign(batch.source.begin() + static_cast<std::ptrdiff_t>(first), batch.source.begin() + static_cast<std::ptrdiff_t>(last));
    part_.begin.clear();
    for (std::size_t s = first; s <= last; ++s) part_.begin.push_back(batch.begin[s] - begin);
    const Summand out(all, numbers, call);
    const std::span<float> nats = out.nats.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    if (!backward) return model_->losses(call.parameters, part_, nats);
    const auto mine = [&](auto segments) { return segments.empty() ? segments : segments.subspan(first, last - first); };
    const SegmentWish<float> wish{call.wish.direction, mine(out.dot), mine(out.square), call.wish.apart};
    model_->differentiate(call.parameters, part_, mine(call.weight), nats, out.gradient, wish);
  }

  /// Rank r takes the segments from borders_[r] to borders_[r + 1]: each border is the one nearest to an even share of positions.
  void cut(const Batch& batch) {
    const std::int64_t ranks = ranks_->size();
    borders_.assign(1, 0);
    for (std::int64_t r = 1; r < ranks; ++r) {
      const double even = static_cast<double>(batch.positions()) * static_cast<double>(r) / static_cast<double>(ranks);
      std::size_t at = borders_.back();
      while (at < batch.segments() && std::abs(batch.begin[at + 1] - even) <= std::abs(batch.begin[at] - even)) ++at;
      borders_.push_back(at);
    }
    borders_.push_back(batch.segments());
  }

  static std::uint64_t digest(const Call& call, std::size_t numbers, bool backward) {
    const auto& [parameters, batch, weight, wish] = call;
    Digest digest;
    for (const std::size_t what : {numbers, wish.dot.size(), wish.square.size()}) digest.add(what);
    digest.add(backward ? 1 : 0);
    digest.add(batch.input);
    digest.add(batch.target);
    digest.add(batch.begin);
    for (const std::span<const float> flat : {parameters, wish.direction}) {
      const std::size_t stride = std::max<std::size_t>(1, flat.size() / kSampled);
      for (std::size_t i = 0; i < flat.size(); i += stride) digest.add(std::bit_cast<std::uint32_t>(flat[i]));
    }
    return digest.value();
  }

  const std::unique_ptr<Model<float>> model_;
  const std::shared_ptr<Ranks> ranks_;
  std::vector<std::size_t> borders_;
  Batch part_;
  Buffer<float> sums_, more_;
};

}  // namespace

std::unique_ptr<Model<float>> share_batches(std::unique_ptr<Model<float>> model, std::shared_ptr<Ranks> ranks) {
  return std::make_unique<RankedModel>(std::move(model), std::move(ranks));
}

}  // namespace fader
