// Work on a file that nobody vouches for, at arm's length.
#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace fader {

/// Runs `work` in a child process and returns what it returned. HDF5 reads outside its buffers when it is given malformed bytes
/// (HDFGroup/hdf5 #5370, #5382, #6401), so the child may use memory and processor time in proportion to the file and no more, and
/// what becomes of it stays its own. An Error is thrown on as it was. DataError naming the file when the child did not live to say
/// anything, or went over its limits: then the file is damaged beyond reading.
nlohmann::json guarded(const std::filesystem::path& file, const std::function<nlohmann::json()>& work);

/// What a file says of itself, fit for a terminal: one line without control characters, not longer than `most` bytes.
std::string plain_line(const std::string& text, std::size_t most = 500);

/// run.h5 files that are meant by `inputs`: a file is itself, a folder stands for every run.h5 below it, in order of their names.
/// Links are not followed out of a folder. DataError: an input that is not there, a folder that holds no run.
std::vector<std::filesystem::path> run_files(const std::vector<std::string>& inputs);

}  // namespace fader
