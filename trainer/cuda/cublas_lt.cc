#include "trainer/cuda/cublas_lt.h"

#include <cublasLt.h>
#include <dlfcn.h>

#include <array>
#include <map>
#include <type_traits>

#include "core/error.h"
#include "trainer/cuda/cuda_device.h"

namespace fader::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // bytes
constexpr std::uint32_t kAlignment = 16;                   // bytes: where every matrix of the first member begins

// The functions of the library that are used.
struct Library {
#define FADER_FUNCTION(name) decltype(&::cublasLt##name) name = nullptr;
#define FADER_FUNCTIONS                                                                                                      \
  FADER_FUNCTION(Create) FADER_FUNCTION(Destroy) FADER_FUNCTION(Matmul) FADER_FUNCTION(MatmulDescCreate)                     \
  FADER_FUNCTION(MatmulDescDestroy) FADER_FUNCTION(MatmulDescSetAttribute) FADER_FUNCTION(MatrixLayoutCreate)                \
  FADER_FUNCTION(MatrixLayoutDestroy) FADER_FUNCTION(MatrixLayoutSetAttribute) FADER_FUNCTION(MatmulPreferenceCreate)        \
  FADER_FUNCTION(MatmulPreferenceDestroy) FADER_FUNCTION(MatmulPreferenceSetAttribute) FADER_FUNCTION(MatmulAlgoGetHeuristic)
  FADER_FUNCTIONS
#undef FADER_FUNCTION
};

void* open_library() {
  std::string tried;
  for (const std::string folder : {"", FADER_CUDA_LIBRARIES "/"})
    for (const int version : {CUBLAS_VER_MAJOR, 13, 12}) {
      const std::string name = folder + "libcublasLt.so." + std::to_string(version);
      if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
      tried += "\n  " + std::string(dlerror());
    }
  throw ConfigError(
      "cuBLASLt, which multiplies matrices on a GPU, cannot be loaded; install it (package libcublas of the CUDA toolkit) or add "
      "its folder to LD_LIBRARY_PATH, or use device = \"cpu\". Tried:" +
      tried);
}

const Library& library() {  // stays loaded
  static const Library loaded = [] {
    void* handle = open_library();
    Library l;
    const auto find = [handle](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
      if (function == nullptr)
        throw ConfigError(
            fmt::format("cuBLASLt has no function {}: it is of another version than this program was built for", name));
    };
#define FADER_FUNCTION(name) find(l.name, "cublasLt" #name);
    FADER_FUNCTIONS
#undef FADER_FUNCTION
#undef FADER_FUNCTIONS
    return l;
  }();
  return loaded;
}

void check(cublasStatus_t status, const std::string& what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw RunError(fmt::format("cuBLASLt failed with status {}: {}", static_cast<int>(status), what));
}

template <class T>
constexpr cudaDataType_t kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF;

// All that a choice depends on.
using Shape = std::array<std::int64_t, 14>;

template <class T, class Out>
Shape shape_of(const Product<T, Out>& p) {
  return {kType<T>, kType<Out>, p.a.rows, p.a.cols, p.a.pitch, p.a.stride, p.a.transposed, p.b.rows, p.b.cols,
          p.b.pitch, p.b.stride, p.b.transposed, p.pitch, p.stride};
}
std::string text_of(const Shape& s) {
  return fmt::format("[{} x {}]{} times [{} x {}]{}, types {} and {}", s[2], s[3], s[6] ? " transposed" : "", s[7], s[8],
                     s[11] ? " transposed" : "", s[0], s[1]);
}

// How products of a shape are done.
struct Plan {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, out = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
  std::int32_t members = 0;  // that the layouts are set to

  Plan() = default;
  Plan(const Plan&) = delete;
  ~Plan() {
    for (const auto layout : {first, second, out})
      if (layout != nullptr) library().MatrixLayoutDestroy(layout);
    if (operation != nullptr) library().MatmulDescDestroy(operation);
  }
  void set_members(std::int32_t n) {
    if (members == n) return;
    for (const auto layout : {first, second, out})
      check(library().MatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &n, sizeof(n)), "the number of members");
    members = n;
  }
};

}  // namespace

struct CublasLt::Impl {
  explicit Impl(Index n) : members(static_cast<std::int32_t>(n)) {
    check(library().Create(&handle), "no handle");
    check_cuda(cudaMalloc(&workspace, kWorkspace), "room for products");
  }
  ~Impl() {
    plans.clear();
    cudaFree(workspace);
    if (handle != nullptr) library().Destroy(handle);
  }

  cublasLtMatrixLayout_t layout(cudaDataType_t type, const ColumnMajor& m) const {
    cublasLtMatrixLayout_t made = nullptr;
    const auto rows = static_cast<std::uint64_t>(m.rows), cols = static_cast<std::uint64_t>(m.cols);
    check(library().MatrixLayoutCreate(&made, type, rows, cols, m.pitch), "a layout");
    check(library().MatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &m.stride, sizeof(m.stride)),
          "a stride");
    return made;
  }

  template <class T, class Out>
  Plan& plan(const Product<T, Out>& p) {
    const Shape shape = shape_of(p);
    const auto [at, fresh] = plans.try_emplace(shape);
    Plan& plan = at->second;
    if (!fresh) return plan;
    try {
      make(p, plan);
    } catch (...) {
      plans.erase(at);
      throw;
    }
    return plan;
  }

  template <class T, class Out>
  void make(const Product<T, Out>& p, Plan& plan) {
    check(library().MatmulDescCreate(&plan.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "an operation");
    const ColumnMajorProduct c = column_major(p);
    const auto transpose = [&](cublasLtMatmulDescAttributes_t name, bool transposed) {
      const cublasOperation_t way = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
      check(library().MatmulDescSetAttribute(plan.operation, name, &way, sizeof(way)), "a transposition");
    };
    transpose(CUBLASLT_MATMUL_DESC_TRANSA, c.first.transposed);
    transpose(CUBLASLT_MATMUL_DESC_TRANSB, c.second.transposed);
    plan.first = layout(kType<T>, c.first);
    plan.second = layout(kType<T>, c.second);
    plan.out = layout(kType<Out>, c.out);
    plan.set_members(std::max(members, static_cast<std::int32_t>(p.members)));
    choose(plan, {alignment<T>(c.first), alignment<T>(c.second), alignment<Out>(c.out)}, text_of(shape_of(p)));
  }

  // Of every row of every member.
  template <class T>
  static std::uint32_t alignment(const ColumnMajor& m) {
    std::uint32_t bytes = kAlignment;
    while (static_cast<std::uint64_t>(m.pitch) * sizeof(T) % bytes != 0 ||
           static_cast<std::uint64_t>(m.stride) * sizeof(T) % bytes != 0)
      bytes /= 2;
    return bytes;
  }

  void choose(Plan& plan, const std::array<std::uint32_t, 3>& alignments, const std::string& what) const {
    cublasLtMatmulPreference_t wish = nullptr;
    check(library().MatmulPreferenceCreate(&wish), "a preference");
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, auto value) {
      check(library().MatmulPreferenceSetAttribute(wish, name, &value, sizeof(value)), "a preference's value");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignments[0]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignments[1]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignments[2]);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignments[2]);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status = library().MatmulAlgoGetHeuristic(handle, plan.operation, plan.first, plan.second, plan.out,
                                                                   plan.out, wish, 1, &found, &count);
    library().MatmulPreferenceDestroy(wish);
    check(count == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status, "no way to compute " + what);
    check(found.state, "no way to compute " + what);
    plan.algorithm = found.algo;
  }

  const std::int32_t members;
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
  std::map<Shape, Plan> plans;
};

CublasLt::CublasLt(Index members) : impl_(std::make_unique<Impl>(members)) {}
CublasLt::~CublasLt() = default;

template <class T, class Out>
void CublasLt::multiply(const Product<T, Out>& p, cudaStream_t stream) {
  FADER_CHECK_EQ(p.a.breadth(), p.b.height());
  for (const void* data : {static_cast<const void*>(p.a.data), static_cast<const void*>(p.b.data), static_cast<const void*>(p.out)})
    FADER_CHECK(reinterpret_cast<std::uintptr_t>(data) % kAlignment == 0);
  Plan& plan = impl_->plan(p);  // of b and a in this order: column_major
  plan.set_members(static_cast<std::int32_t>(p.members));
  const float one = 1, addend = p.addend != nullptr ? 1 : 0;
  const Out* added = p.addend != nullptr ? p.addend : p.out;
  check(library().Matmul(impl_->handle, plan.operation, &one, p.b.data, plan.first, p.a.data, plan.second, &addend, added, plan.out,
                         p.out, plan.out, &plan.algorithm, impl_->workspace, kWorkspace, stream),
        text_of(shape_of(p)));
}

template void CublasLt::multiply(const Product<Half, Half>&, cudaStream_t);
template void CublasLt::multiply(const Product<Half, float>&, cudaStream_t);
template void CublasLt::multiply(const Product<float, float>&, cudaStream_t);

}  // namespace fader::cuda
