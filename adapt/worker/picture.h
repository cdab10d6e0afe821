// Pictures by ImageMagick, whose decoder is named by us from what the octets are: it never guesses, and no other
// decoder is loaded. HEIC by libheif. Sizes are read from the header and checked before anything is decoded. Results
// are upright (EXIF), in sRGB, and carry no metadata. Runs on: one thread.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

#include <Magick++.h>

#include <string>

namespace cpm::adapt::worker {

void prepare_pictures(const Bounds& bounds);

// True for the types that read_picture() and convert_picture() take.
[[nodiscard]] bool is_picture(const std::string& type);

// width, height, frames, as the header says. Throws Stop above the bounds.
[[nodiscard]] Parameters picture_facts(const std::string& octets, const std::string& type, const Bounds& bounds);

[[nodiscard]] Converted convert_picture(const Task& task, const std::string& found, const Bounds& bounds);

// For frames of films and pages: scales into the box of pix-x and pix-y, never up, and encodes.
[[nodiscard]] Converted encode_picture(Magick::Image image, const std::string& target, const Parameters& parameters,
                                       const Bounds& bounds);

// Throws Stop(too_large) when so many pixels are not allowed.
void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t frames, const Bounds& bounds);

}  // namespace cpm::adapt::worker
