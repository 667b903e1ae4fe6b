// A JSON Schema of experiment files (draft-07), so that editors complete and check them while they are written.
//
// Made from the descriptions that the program reads files with: the options of the sections and of everything on the
// shelves. A file opts in with a comment, `#:schema ./schema.json`. What the schema refuses, the program refuses; the
// program refuses more: a schema cannot compare values with each other, see a `base`, or tell 10.0 from 10.
#pragma once
#include <string>

namespace fader {

/// The whole document, with a new line at its end. Equal from run to run.
std::string experiment_schema();

}  // namespace fader
