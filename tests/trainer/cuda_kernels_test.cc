// Kernels of the GPU one by one, run by this processor with one lane and with several: against the CPU's kernels and plain loops.
// The whole of them is tested against the CPU's model in cuda_bank_test.cc.
#include "trainer/cuda/kernels.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/rng.h"
#include "trainer/cuda/host_device.h"
#include "trainer/cuda/passes.h"
#include "trainer/cuda/update.h"
#include "trainer/kernels.h"

using namespace fader;
using namespace fader::cuda;

namespace {

HostDevice device(int lanes) { return HostDevice(lanes, 0); }

template <class T>
std::vector<T> random(std::uint64_t seed, std::size_t n, double scale = 1.0) {
  Rng rng(seed, "test/cuda_kernels");
  std::vector<T> x(n);
  for (T& v : x) v = narrow<T>(static_cast<float>(scale * rng.normal()));
  return x;
}
template <class T>
double distance(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(wide(a[i])) - static_cast<double>(wide(b[i])), 2);
    size += std::pow(static_cast<double>(wide(b[i])), 2);
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("cuda blocks: work is shared out once, whatever the number of lanes") {
  struct Lane {
    int l, n;
    int lane() const { return l; }
    int lanes() const { return n; }
  };
  for (const int lanes : {1, 3, 32, 64, 256})
    for (const auto& [rows, cols] : std::vector<std::pair<int, int>>{{1, 1}, {8, 8}, {5, 7}, {3, 100}, {40, 2}, {0, 4}, {2, 256}}) {
      std::vector<int> once(static_cast<std::size_t>(rows * cols)), twice(once);
      for (int l = 0; l < lanes; ++l) {
        share(Lane{l, lanes}, rows * cols, [&](int i) { ++once[static_cast<std::size_t>(i)]; });
        share_grid(Lane{l, lanes}, rows, cols, [&](int r, int c) {
          REQUIRE(c < cols);
          ++twice[static_cast<std::size_t>(r * cols + c)];
        });
      }
      CHECK(once == std::vector<int>(once.size(), 1));
      CHECK(twice == once);
    }
}

TEST_CASE("cuda kernels: segments are written out position by position") {
  const int lanes = GENERATE(1, 3);
  const std::vector<std::uint32_t> corpus{9, 11, 12, 13, 14, 15, 16}, loose{21, 22, 23};
  const std::vector<Segment> segments{{2, 0, 0.5f}, {-1 - 1, 3, 0.25f}, {0, 0, 2.0f}};
  const std::vector<Member> members{{nullptr, nullptr, 0, 2, 5}, {nullptr, nullptr, 2, 1, 1}};
  const Index positions = 6;
  std::vector<std::uint32_t> input(12, 77), target(12, 77);
  std::vector<std::int32_t> start(12, 77), stop(12, 77);
  std::vector<float> weight(12, 77.0f);
  auto d = device(lanes);
  d.launch(2, Expand{members.data(), segments.data(), corpus.data(), loose.data(), 3, positions, input.data(), target.data(),
                     start.data(), stop.data(), weight.data()});
  CHECK(input == std::vector<std::uint32_t>{3, 12, 13, 3, 22, 0, 3, 0, 0, 0, 0, 0});
  CHECK(target == std::vector<std::uint32_t>{12, 13, 14, 22, 23, 0, 9, 0, 0, 0, 0, 0});
  CHECK(start == std::vector<std::int32_t>{0, 0, 0, 3, 3, 5, 0, 1, 2, 3, 4, 5});
  CHECK(stop == std::vector<std::int32_t>{3, 3, 3, 5, 5, 6, 1, 2, 3, 4, 5, 6});
  CHECK(weight == std::vector<float>{0.5f, 0.5f, 0.5f, 0.25f, 0.25f, 0, 2, 0, 0, 0, 0, 0});
}

TEST_CASE("cuda kernels: the embedding's gradient is the sum over the positions of a token, in their order") {
  const int lanes = GENERATE(1, 4);
  const Index positions = 11, vocabulary = 5, stride = 40;
  const int width = 3;
  std::vector<std::uint32_t> input;
  Rng rng(1, "test/input");
  for (Index i = 0; i < 2 * positions; ++i) input.push_back(static_cast<std::uint32_t>(rng.below(4)));  // token 4 never
  const auto dx = random<float>(2, input.size() * 3);
  std::vector<float> gradient(2 * stride, 1.0f), want(gradient);
  for (std::size_t i = 0; i < input.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) want[i / 11 * 40 + input[i] * 3 + c] += dx[i * 3 + c];
  auto d = device(lanes);
  d.launch(2 * vocabulary, EmbedBackward{input.data(), dx.data(), positions, vocabulary, width, gradient.data(), stride});
  CHECK(gradient == want);  // bit for bit
}

TEMPLATE_TEST_CASE("cuda kernels: position by position as the CPU's", "", float, Half) {
  using T = TestType;
  const int lanes = GENERATE(1, 3);
  const double close = std::is_same_v<T, float> ? 1e-6 : 3e-3;
  const std::int64_t rows = 70, width = 10, hidden = 7, positions = 35;  // of two members
  CAPTURE(lanes);
  auto d = device(lanes);
  const auto x = random<float>(1, 700), gains = random<float>(2, 20);
  const auto dout = random<T>(3, 700);
  const std::vector<Member> members{{gains.data(), nullptr, 0, 0, 0}, {gains.data() + 10, nullptr, 0, 0, 0}};

  std::vector<T> out(700), want_out(700);
  std::vector<float> inverse(70), want_inverse(70), dx = random<float>(4, 700), want_dx(dx), fresh(700), dgain(20), want_dgain(20);
  std::vector<T> rounded(700);
  for (std::int64_t m = 0; m < 2; ++m) {
    const std::int64_t at = m * 350;
    kernels::rms_norm(x.data() + at, gains.data() + m * 10, positions, width, 1e-3f, want_out.data() + at,
                      want_inverse.data() + m * 35);
    kernels::rms_norm_backward(dout.data() + at, x.data() + at, gains.data() + m * 10, want_inverse.data() + m * 35, positions,
                               width, want_dx.data() + at, want_dgain.data() + m * 10);
  }
  d.launch(rows, RmsNorm<T>{x.data(), members.data(), 0, positions, 10, 1e-3f, out.data(), inverse.data()});
  CHECK(distance(out, want_out) < close);
  CHECK(distance(inverse, want_inverse) < 1e-6);
  std::vector<float> before(dx), partial(2 * 10);
  d.launch(rows, RmsNormBackward<T>{dout.data(), x.data(), inverse.data(), members.data(), 0, positions, 10, false, dx.data(),
                                    rounded.data()});
  CHECK(distance(dx, want_dx) < 1e-6);
  for (std::size_t i = 0; i < 700; ++i) REQUIRE(wide(rounded[i]) == wide(narrow<T>(dx[i])));
  d.launch(rows, RmsNormBackward<T>{dout.data(), x.data(), inverse.data(), members.data(), 0, positions, 10, true, fresh.data(),
                                    rounded.data()});
  for (std::size_t i = 0; i < 700; ++i) fresh[i] += before[i];
  CHECK(distance(fresh, want_dx) < 1e-6);
  d.launch(2, GainPartials<T>{dout.data(), x.data(), inverse.data(), positions, 10, partial.data()});
  d.launch(2, GainSum{partial.data(), 1, 10, dgain.data(), 10});
  CHECK(distance(dgain, want_dgain) < 1e-6);

  auto gate_up = random<T>(5, 980), want_gate_up = gate_up;
  std::vector<T> active(490), want_active(490);
  const auto dactive = random<T>(6, 490);
  kernels::swiglu(gate_up.data(), rows, hidden, want_active.data());
  d.launch(rows, SwiGlu<T>{gate_up.data(), 7, active.data()});
  CHECK(distance(active, want_active) < close);
  kernels::swiglu_backward(dactive.data(), rows, hidden, want_gate_up.data());
  d.launch(rows, SwiGluBackward<T>{dactive.data(), 7, gate_up.data()});
  CHECK(distance(gate_up, want_gate_up) < close);

  auto qkv = random<T>(7, 70 * 36), want_qkv = qkv;  // two heads of six
  const auto angles = random<float>(8, 2 * 35 * 3);
  std::vector<std::int32_t> start(70);
  for (std::size_t i = 0; i < 70; ++i) start[i] = static_cast<std::int32_t>(i % 35 / 9 * 9);
  for (std::size_t i = 0; i < 70; ++i) {
    const std::size_t at = i % 35 % 9 * 3;
    kernels::rotate(want_qkv.data() + i * 36, 1, 36, 4, 6, angles.data() + at, angles.data() + 105 + at, 1.0f);
  }
  d.launch(rows, Rotate<T>{qkv.data(), start.data(), angles.data(), angles.data() + 105, positions, 12, 6});
  CHECK(distance(qkv, want_qkv) < close);
}

TEMPLATE_TEST_CASE("cuda kernels: what positions and segments tell by themselves, as the CPU's", "", float, Half) {
  using T = TestType;
  const int lanes = GENERATE(1, 3);
  CAPTURE(lanes);
  auto d = device(lanes);
  const Index positions = 7;  // of two members; rows 2 to 5 of each in the first kernel
  const int width = 10;
  const auto a = random<T>(1, 2 * 4 * 10), b = random<T>(2, 2 * 7 * 10);
  const auto start = random<float>(3, 14);
  std::vector<float> into(start);
  std::vector<double> want(start.begin(), start.end());
  d.launch(8, RowDots<T>{a.data(), b.data() + 20, 40, 70, positions, 2, 4, width, into.data()});
  for (std::int64_t m = 0; m < 2; ++m) kernels::row_dots(a.data() + m * 40, b.data() + m * 70 + 20, 4, width, want.data() + m * 7 + 2);
  for (std::size_t i = 0; i < 14; ++i) CHECK(into[i] == Approx(want[i]).margin(1e-5));

  const auto x = random<float>(4, 140), inverse = random<float>(5, 14), directions = random<float>(6, 2 * 90);
  const std::vector<Member> members{{nullptr, directions.data(), 0, 3, 7}, {nullptr, directions.data() + 90, 3, 1, 5}};
  d.launch(14, GainDots<T>{b.data(), x.data(), inverse.data(), members.data(), 5, positions, width, into.data()});
  for (std::int64_t m = 0; m < 2; ++m)
    kernels::gain_dots(b.data() + m * 70, x.data() + m * 70, inverse.data() + m * 7, directions.data() + m * 90 + 5, 7, width, want.data() + m * 7);
  for (std::size_t i = 0; i < 14; ++i) CHECK(into[i] == Approx(want[i]).margin(1e-5));

  std::vector<std::uint32_t> input;
  Rng rng(7, "test/input");
  for (int i = 0; i < 14; ++i) input.push_back(static_cast<std::uint32_t>(rng.below(8)));
  d.launch(14, EmbedDots{input.data(), x.data(), members.data(), 3, positions, width, into.data()});
  for (std::size_t i = 0; i < 14; ++i)
    kernels::row_dots(x.data() + i * 10, directions.data() + i / 7 * 90 + 3 + input[i] * 10, 1, width, &want[i]);
  for (std::size_t i = 0; i < 14; ++i) CHECK(into[i] == Approx(want[i]).margin(1e-5));

  const std::vector<Segment> segments{{0, 0, 1}, {0, 2, 1}, {0, 3, 1}, {0, 0, 1}};
  std::vector<float> out(14, 77.0f);
  d.launch(2, SegmentSums{members.data(), segments.data(), into.data(), positions, out.data()});
  const auto sum = [&](std::size_t first, std::size_t last) {
    double all = 0;
    for (std::size_t i = first; i < last; ++i) all += static_cast<double>(into[i]);
    return all;
  };
  CHECK(out[0] == Approx(sum(0, 2)).margin(1e-6));
  CHECK(out[1] == Approx(sum(2, 3)).margin(1e-6));
  CHECK(out[2] == Approx(sum(3, 7)).margin(1e-6));
  CHECK(out[7] == Approx(sum(7, 12)).margin(1e-6));  // without the padding
  CHECK(out[3] == 77.0f);
  CHECK(out[8] == 77.0f);
}

TEMPLATE_TEST_CASE("cuda kernels: loss and its gradient as the CPU's, over padded rows", "", float, Half) {
  using T = TestType;
  const int lanes = GENERATE(1, 3);
  const std::int64_t rows = 5, positions = 12, first = 4, vocabulary = 19, stride = 24;  // of two members
  auto logits = random<T>(1, 2 * 5 * 24, 3.0), packed = std::vector<T>();
  std::vector<std::uint32_t> target(24), packed_target;
  std::vector<float> weight = random<float>(2, 24), packed_weight, nats(24, 7.0f), only_nats(nats), want_nats(10), row(19);
  Rng rng(3, "test/target");
  for (auto& t : target) t = static_cast<std::uint32_t>(rng.below(19));
  for (std::size_t i = 0; i < 10; ++i) {
    packed.insert(packed.end(), logits.begin() + static_cast<std::ptrdiff_t>(i * 24),
                  logits.begin() + static_cast<std::ptrdiff_t>(i * 24 + 19));
    packed_target.push_back(target[i / 5 * 12 + 4 + i % 5]);
    packed_weight.push_back(weight[i / 5 * 12 + 4 + i % 5]);
  }
  kernels::cross_entropy_backward(packed.data(), packed_target.data(), packed_weight.data(), 10, vocabulary, want_nats.data(),
                                  row.data());
  auto d = device(lanes);
  d.launch(10, CrossEntropy<T, kWide, false>{logits.data(), target.data(), weight.data(), positions, first, rows, 19, stride,
                                             only_nats.data()});
  d.launch(10, CrossEntropy<T, kWarp, true>{logits.data(), target.data(), weight.data(), positions, first, rows, 19, stride,
                                            nats.data()});
  CHECK(only_nats == nats);
  std::vector<T> gradient;
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(nats[i / 5 * 12 + 4 + i % 5] == Approx(want_nats[i]).epsilon(1e-6).margin(1e-6));
    gradient.insert(gradient.end(), logits.begin() + static_cast<std::ptrdiff_t>(i * 24),
                    logits.begin() + static_cast<std::ptrdiff_t>(i * 24 + 19));
  }
  CHECK(distance(gradient, packed) < (std::is_same_v<T, float> ? 1e-6 : 3e-3));
  CHECK(nats[0] == 7.0f);
  CHECK(nats[9] == 7.0f);
}

TEST_CASE("cuda kernels: sums of a gradient are exact, whatever the pieces") {
  const int lanes = GENERATE(1, 3);
  const auto g = random<float>(1, 200), r = random<float>(2, 200);
  const std::vector<Piece> pieces{{0, 50, 1}, {50, 1, 0}, {60, 40, 1}};  // 51 to 59: a gap
  const std::vector<const float*> references{r.data(), nullptr};
  std::vector<Sums> parts(6), sums(2);
  auto d = device(lanes);
  d.launch(6, PieceSums{pieces.data(), 3, g.data(), references.data(), 100, parts.data()});
  d.launch(2, TotalSums{parts.data(), 3, sums.data()});
  for (std::size_t m = 0; m < 2; ++m) {
    double gg = 0, gr = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      if (i >= 51 && i < 60) continue;
      gg += static_cast<double>(g[m * 100 + i]) * static_cast<double>(g[m * 100 + i]);
      gr += static_cast<double>(g[m * 100 + i]) * static_cast<double>(r[i]);
    }
    CHECK(sums[m].gg == Approx(gg).epsilon(1e-14));
    CHECK(sums[m].gr == Approx(m == 0 ? gr : 0.0).epsilon(1e-12).margin(0));
  }
}

TEST_CASE("cuda products: as plain loops, and as a library for column-major matrices is asked for them") {
  const bool left = GENERATE(false, true), right = GENERATE(false, true), add = GENERATE(false, true);
  CAPTURE(left, right, add);
  const Index rows = 3, depth = 4, cols = 5, members = 2;
  const auto matrices = [](const std::vector<Half>& x, Index high, Index broad, bool transposed) {
    const Index stored = transposed ? broad : high, across = transposed ? high : broad;
    return Matrices<Half>{x.data(), stored, across, across + 2, (across + 2) * stored + 1, transposed};
  };
  const auto x = random<Half>(1, 200), y = random<Half>(2, 200);
  const auto start = random<float>(3, 80);
  std::vector<float> out(start);
  Product<Half, float> p{matrices(x, rows, depth, left), matrices(y, depth, cols, right), out.data(), cols + 1, 35, members};
  if (add) p.addend = out.data();
  const ColumnMajorProduct c = column_major(p);
  const auto at = [](const ColumnMajor& m, Index member, Index i, Index j) {
    return static_cast<std::size_t>(member * m.stride + (m.transposed ? i * m.pitch + j : j * m.pitch + i));
  };
  auto d = device(1);
  d.product(p);
  CHECK(c.out.rows == cols);
  CHECK(c.out.cols == rows);
  CHECK((c.first.transposed ? c.first.cols : c.first.rows) == cols);
  CHECK((c.first.transposed ? c.first.rows : c.first.cols) == depth);
  CHECK((c.second.transposed ? c.second.rows : c.second.cols) == rows);
  CHECK((c.second.transposed ? c.second.cols : c.second.rows) == depth);
  for (Index m = 0; m < members; ++m)
    for (Index i = 0; i < cols; ++i)
      for (Index j = 0; j < rows; ++j) {
        double want = add ? static_cast<double>(start[at(c.out, m, i, j)]) : 0.0, plain = want;
        for (Index k = 0; k < depth; ++k) {
          want += static_cast<double>(wide(y[at(c.first, m, i, k)])) * static_cast<double>(wide(x[at(c.second, m, k, j)]));
          const Matrices<Half>&a = p.a, &b = p.b;
          const Index of_a = a.transposed ? k * a.pitch + j : j * a.pitch + k,
                      of_b = b.transposed ? i * b.pitch + k : k * b.pitch + i;
          plain += static_cast<double>(wide(a.data[m * a.stride + of_a])) * static_cast<double>(wide(b.data[m * b.stride + of_b]));
        }
        REQUIRE(want == Approx(plain).margin(1e-12));
        REQUIRE(out[at(c.out, m, i, j)] == Approx(want).epsilon(1e-5).margin(1e-5));
      }
}

TEST_CASE("cuda passes: the working memory that they say they need is what they take") {
  const bool recompute = GENERATE(false, true);
  const Index members = 3, positions = GENERATE(200, 7000);
  ModelOptions o;
  o.vocabulary = 300;
  const Layout layout(o);
  auto d = device(1);
  Passes<HostDevice, Half> passes(d, o, layout, recompute, 1, nullptr, 0);
  const std::size_t before = d.allocated();
  passes.reserve(members, positions, true, true);
  const auto taken = static_cast<double>(d.allocated() - before), said = static_cast<double>(members * passes.bytes(positions));
  CHECK(said >= taken);
  CHECK(said < 1.05 * taken);
}
