# LibTorch's CPU part alone: torch_cpu and c10. The package file that LibTorch brings refuses to configure without a CUDA
# toolkit when it was built for one, so this module replaces it.
#
# Looks in TORCH_DIR (a CMake or environment variable naming a folder with include/ and lib/), else in the folder that
# cmake/install_libtorch.py fills. Defines the target Torch::cpu and Torch_VERSION.
set(FADER_TORCH_VERSION 2.11.0)  # also in cmake/libtorch.txt
if(NOT TORCH_DIR AND DEFINED ENV{TORCH_DIR})
  set(TORCH_DIR $ENV{TORCH_DIR})
endif()
if(NOT TORCH_DIR)
  set(cache $ENV{XDG_CACHE_HOME})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache)
  endif()
  set(TORCH_DIR ${cache}/fader/libtorch-${FADER_TORCH_VERSION})
endif()

# not cached: another TORCH_DIR must not find the libraries of the one before
find_path(Torch_INCLUDE_DIR ATen/ATen.h PATHS ${TORCH_DIR}/include NO_DEFAULT_PATH NO_CACHE)
find_library(Torch_CPU_LIBRARY torch_cpu PATHS ${TORCH_DIR}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(Torch_C10_LIBRARY c10 PATHS ${TORCH_DIR}/lib NO_DEFAULT_PATH NO_CACHE)
if(Torch_INCLUDE_DIR AND EXISTS ${Torch_INCLUDE_DIR}/torch/headeronly/version.h)
  file(STRINGS ${Torch_INCLUDE_DIR}/torch/headeronly/version.h lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" Torch_VERSION "${lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Torch REQUIRED_VARS Torch_CPU_LIBRARY Torch_C10_LIBRARY Torch_INCLUDE_DIR VERSION_VAR Torch_VERSION
  REASON_FAILURE_MESSAGE "it is not in ${TORCH_DIR}: run ./run_experiment, which installs it, or set TORCH_DIR to a folder with include/ and lib/")

if(Torch_FOUND AND NOT TARGET Torch::cpu)
  message(STATUS "LibTorch ${Torch_VERSION} in ${TORCH_DIR}")
  if(NOT Torch_VERSION VERSION_EQUAL FADER_TORCH_VERSION)
    message(WARNING "this LibTorch is not the version that fader is tested with, ${FADER_TORCH_VERSION}")
  endif()
  # LibTorch's include/ also holds copies of other libraries, fmt among them, that would hide the system's: only its own
  # folders are linked into the include path.
  set(include ${CMAKE_BINARY_DIR}/libtorch/include)
  file(MAKE_DIRECTORY ${include})
  foreach(folder ATen c10 caffe2 torch)
    file(CREATE_LINK ${Torch_INCLUDE_DIR}/${folder} ${include}/${folder} SYMBOLIC)
  endforeach()
  add_library(Torch::c10 SHARED IMPORTED)
  set_target_properties(Torch::c10 PROPERTIES IMPORTED_LOCATION ${Torch_C10_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${include})
  add_library(Torch::cpu SHARED IMPORTED)
  # the wheel names libraries that stand beside it (libcudart, libcupti): found through this folder at link and run time
  set_target_properties(Torch::cpu PROPERTIES IMPORTED_LOCATION ${Torch_CPU_LIBRARY} INTERFACE_LINK_LIBRARIES Torch::c10
    INTERFACE_LINK_OPTIONS "-Wl,-rpath-link,${TORCH_DIR}/lib")
endif()
