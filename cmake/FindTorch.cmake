# LibTorch's CPU part alone: torch_cpu and c10. The package file that LibTorch brings refuses to configure without a CUDA
# toolkit when it was built for one, so this module replaces it.
#
# Looks in TORCH_DIR (a CMake or environment variable naming a folder with include/ and lib/), else in the folder that
# cmake/install_libtorch fills. Defines the target Torch::cpu and Torch_VERSION.
set(FADER_TORCH_VERSION 2.11.0)
if(NOT TORCH_DIR AND DEFINED ENV{TORCH_DIR})
  set(TORCH_DIR $ENV{TORCH_DIR})
endif()
if(NOT TORCH_DIR)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(cache $ENV{XDG_CACHE_HOME})
  else()
    set(cache $ENV{HOME}/.cache)
  endif()
  set(TORCH_DIR ${cache}/fader/libtorch-${FADER_TORCH_VERSION})
endif()

find_path(Torch_INCLUDE_DIR ATen/ATen.h PATHS ${TORCH_DIR}/include NO_DEFAULT_PATH)
find_library(Torch_CPU_LIBRARY torch_cpu PATHS ${TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(Torch_C10_LIBRARY c10 PATHS ${TORCH_DIR}/lib NO_DEFAULT_PATH)
if(Torch_INCLUDE_DIR AND EXISTS ${Torch_INCLUDE_DIR}/torch/headeronly/version.h)
  file(STRINGS ${Torch_INCLUDE_DIR}/torch/headeronly/version.h lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" Torch_VERSION "${lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Torch REQUIRED_VARS Torch_CPU_LIBRARY Torch_C10_LIBRARY Torch_INCLUDE_DIR VERSION_VAR Torch_VERSION
  REASON_FAILURE_MESSAGE "run ./run_experiment, which installs it, or set TORCH_DIR to a folder with include/ and lib/")

if(Torch_FOUND AND NOT TARGET Torch::cpu)
  message(STATUS "LibTorch ${Torch_VERSION} in ${TORCH_DIR}")
  add_library(Torch::c10 SHARED IMPORTED)
  set_target_properties(Torch::c10 PROPERTIES IMPORTED_LOCATION ${Torch_C10_LIBRARY}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${Torch_INCLUDE_DIR}" INTERFACE_INCLUDE_DIRECTORIES "${Torch_INCLUDE_DIR};${Torch_INCLUDE_DIR}/torch/csrc/api/include")
  add_library(Torch::cpu SHARED IMPORTED)
  # the wheel names libraries that stand beside it (libcudart, libcupti): found through this folder at link and run time
  set_target_properties(Torch::cpu PROPERTIES IMPORTED_LOCATION ${Torch_CPU_LIBRARY} INTERFACE_LINK_LIBRARIES Torch::c10
    INTERFACE_LINK_OPTIONS "-Wl,-rpath-link,${TORCH_DIR}/lib")
endif()
