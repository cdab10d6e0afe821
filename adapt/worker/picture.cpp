#include "adapt/worker/picture.h"

#include "adapt/worker/heic.h"
#include "adapt/worker/work.h"

#include <lcms2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <list>
#include <memory>
#include <utility>

namespace cpm::adapt::worker {

namespace {

constexpr std::uint64_t kLongestSide = 65'500;  // of a source: beyond it, formats and encoders overflow
constexpr std::int64_t kQuality = 82;

// ImageMagick's names. This list and what it loads are all that there is: see prepare_pictures().
constexpr std::pair<std::string_view, const char*> kCoders[] = {
    {"image/jpeg", "JPEG"}, {"image/png", "PNG"}, {"image/gif", "GIF"},
    {"image/webp", "WEBP"}, {"image/bmp", "BMP"}, {"image/tiff", "TIFF"},
};

// The policy of this process. A later rule wins over an earlier one.
constexpr const char* kPolicy = R"(<policymap>
  <policy domain="delegate" rights="none" pattern="*"/>
  <policy domain="filter" rights="none" pattern="*"/>
  <policy domain="path" rights="none" pattern="@*"/>
  <policy domain="coder" rights="none" pattern="*"/>
  <policy domain="coder" rights="read|write" pattern="{JPEG,PNG,GIF,WEBP,BMP,TIFF}"/>
</policymap>)";

std::string g_srgb;  // a profile

const char* coder_of(std::string_view type) {
  for (const auto& [name, coder] : kCoders) {
    if (name == type) return coder;
  }
  return nullptr;
}

std::string make_srgb() {
  cmsHPROFILE profile = ::cmsCreate_sRGBProfile();
  cmsUInt32Number size = 0;
  ::cmsSaveProfileToMem(profile, nullptr, &size);
  std::string octets(size, '\0');
  ::cmsSaveProfileToMem(profile, octets.data(), &size);
  ::cmsCloseProfile(profile);
  return octets;
}

using MagickCore::Quantum;  // QuantumRange is a cast to it

// ImageMagick's own way to an empty picture is a coder, which the policy forbids.
Magick::Image blank(std::size_t width, std::size_t height, bool transparent) {
  MagickCore::Image* image = MagickCore::AcquireImage(nullptr);
  if (image == nullptr) throw std::bad_alloc();
  Magick::Image owned(image);
  image->background_color = {QuantumRange, QuantumRange, QuantumRange,
                             transparent ? static_cast<Quantum>(TransparentOpacity) : static_cast<Quantum>(0)};
  if (MagickCore::SetImageExtent(image, width, height) == MagickCore::MagickFalse ||
      MagickCore::SetImageBackgroundColor(image) == MagickCore::MagickFalse)
    throw Stop{Refusal::too_large, "the picture takes too much memory"};
  return owned;
}

// EXIF says it in formats whose decoder does not look: WebP, PNG.
void find_orientation(Magick::Image& image) {
  if (image.orientation() != Magick::UndefinedOrientation) return;
  const std::string value = image.attribute("exif:Orientation");
  if (value.size() == 1 && value[0] >= '1' && value[0] <= '8')
    image.orientation(static_cast<Magick::OrientationType>(value[0] - '0'));
}

bool lies_on_side(const Magick::Image& image) { return image.orientation() >= Magick::LeftTopOrientation; }

struct Box {
  std::size_t width = 0, height = 0;
};

// The largest that fits into pix-x and pix-y with the aspect kept, never larger than the picture.
Box fit(std::size_t width, std::size_t height, const Parameters& parameters) {
  const std::int64_t x = number_of(parameters, "pix-x");
  const std::int64_t y = number_of(parameters, "pix-y");
  double scale = 1;
  if (x > 0) scale = std::min(scale, static_cast<double>(x) / static_cast<double>(width));
  if (y > 0) scale = std::min(scale, static_cast<double>(y) / static_cast<double>(height));
  const auto side = [scale](std::size_t n) {
    return static_cast<std::size_t>(std::max(1.0, std::floor(static_cast<double>(n) * scale + 0.5)));
  };
  return {side(width), side(height)};
}

void resize(Magick::Image& image, Box box) {
  if (box.width == image.columns() && box.height == image.rows()) return;
  Magick::Geometry geometry(box.width, box.height);
  geometry.aspect(true);
  // Far down, averaging first is as good and much quicker.
  if (image.columns() > 3 * box.width && image.rows() > 3 * box.height) {
    Magick::Geometry half(box.width * 2, box.height * 2);
    half.aspect(true);
    image.scale(half);
  }
  image.filterType(Magick::TriangleFilter);
  image.resize(geometry);
}

void to_srgb(Magick::Image& image) {
  image.quiet(true);
  if (image.iccColorProfile().length() > 0) {
    try {
      image.profile("ICC", Magick::Blob(g_srgb.data(), g_srgb.size()));
    } catch (const Magick::Exception&) {
      // A profile that cannot be read says nothing.
    }
  }
  if (image.colorSpace() != Magick::sRGBColorspace && image.colorSpace() != Magick::GRAYColorspace)
    image.colorSpace(Magick::sRGBColorspace);
}

void upright(Magick::Image& image) {
  find_orientation(image);
  image.autoOrient();
  image.orientation(Magick::UndefinedOrientation);
}

void flatten(Magick::Image& image) {
  if (!image.matte()) return;
  Magick::Image ground = blank(image.columns(), image.rows(), false);
  ground.composite(image, 0, 0, Magick::OverCompositeOp);
  image = ground;
  image.matte(false);
}

std::string encode(Magick::Image& image, const char* coder, std::int64_t quality) {
  image.magick(coder);
  image.quiet(true);  // warnings are no failures
  image.quality(static_cast<std::size_t>(quality));
  Magick::Blob blob;
  image.write(&blob);
  return {static_cast<const char*>(blob.data()), blob.length()};
}

// Smaller quality first, then smaller sides, until it is not above the limit.
std::string encode_within(Magick::Image image, const char* coder, const Parameters& parameters) {
  const std::int64_t most = number_of(parameters, "size-limit");
  std::int64_t quality = number_of(parameters, "quality");
  if (quality == 0) quality = kQuality;
  std::string octets = encode(image, coder, quality);
  while (most > 0 && static_cast<std::int64_t>(octets.size()) > most) {
    if (quality > 35) {
      quality = std::max<std::int64_t>(30, quality - 20);
    } else {
      if (image.columns() < 8 || image.rows() < 8)
        throw Stop{Refusal::bad_parameters, "no result is as small as that", {"size-limit"}};
      resize(image, {image.columns() * 7 / 10, image.rows() * 7 / 10});
    }
    octets = encode(image, coder, quality);
  }
  return octets;
}

Magick::Blob as_blob(const std::string& octets) { return {octets.data(), octets.size()}; }

// The first frame on its canvas.
Magick::Image read_first(const std::string& octets, const std::string& type, Box wanted) {
  if (type == "image/heic") return read_heic(octets, std::max(wanted.width, wanted.height));
  Magick::Image image;
  image.magick(coder_of(type));
  image.subImage(0);
  image.subRange(1);
  image.quiet(true);
  if (type == "image/jpeg" && wanted.width > 0) {
    // The decoder scales by itself: at least twice what is needed, so that resizing has something to work on.
    const std::size_t side = 2 * std::max(wanted.width, wanted.height);
    image.defineValue("jpeg", "size", std::to_string(side) + "x" + std::to_string(side));
  }
  image.read(as_blob(octets));
  if (type == "image/gif" && (image.page().width() > image.columns() || image.page().height() > image.rows())) {
    Magick::Image canvas = blank(image.page().width(), image.page().height(), true);
    canvas.composite(image, image.page().xOff(), image.page().yOff(), Magick::OverCompositeOp);
    image = canvas;
  }
  image.page(Magick::Geometry(0, 0));
  return image;
}

// Up to `most` pictures; with `ping` their headers only.
std::list<Magick::Image> read_list(const std::string& octets, const char* coder, std::size_t most, bool ping) {
  const std::unique_ptr<MagickCore::ExceptionInfo, MagickCore::ExceptionInfo* (*)(MagickCore::ExceptionInfo*)>
      exception(MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo);
  const std::unique_ptr<MagickCore::ImageInfo, MagickCore::ImageInfo* (*)(MagickCore::ImageInfo*)> info(
      MagickCore::AcquireImageInfo(), MagickCore::DestroyImageInfo);
  // A prefix names the decoder, and nothing is guessed from the octets then.
  MagickCore::CopyMagickString(info->magick, coder, sizeof info->magick);
  MagickCore::CopyMagickString(info->filename, (std::string(coder) + ":").c_str(), sizeof info->filename);
  info->scene = 0;
  info->number_scenes = most;
  MagickCore::Image* first = ping ? MagickCore::PingBlob(info.get(), octets.data(), octets.size(), exception.get())
                                  : MagickCore::BlobToImage(info.get(), octets.data(), octets.size(), exception.get());
  std::list<Magick::Image> pictures;
  while (first != nullptr) pictures.emplace_back(MagickCore::RemoveFirstImageFromList(&first));
  const std::string why = exception->reason != nullptr ? exception->reason : "";
  if (pictures.empty() &&
      (exception->severity == MagickCore::ResourceLimitError || why.find("xceeds") != std::string::npos))
    throw Stop{Refusal::too_large, "the picture is too large to decode"};
  if (pictures.empty()) throw Stop{Refusal::broken_source, "the picture cannot be read"};
  return pictures;
}

// A PNG above the limits of ImageMagick is refused there without a reason: IHDR says it.
void check_png(const std::string& octets, const Bounds& bounds) {
  if (octets.size() < 24 || octets.compare(12, 4, "IHDR") != 0) return;
  const auto number = [&](std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(octets[i]);
    return value;
  };
  check_size(number(16), number(20), 1, bounds);
}

Converted animate(const Task& task, const Bounds& bounds) {
  const std::int64_t asked = number_of(task.parameters, "frames");
  const std::size_t most = asked > 0 ? std::min(static_cast<std::size_t>(asked), bounds.frames) : bounds.frames + 1;
  std::list<Magick::Image> read = read_list(task.octets, "GIF", most, false);
  if (read.size() > bounds.frames) throw Stop{Refusal::too_large, "the animation has too many frames"};
  std::list<Magick::Image> whole;
  Magick::coalesceImages(&whole, read.begin(), read.end());
  read.clear();
  const std::size_t loops = whole.front().animationIterations();
  const Box box = fit(whole.front().columns(), whole.front().rows(), task.parameters);
  for (Magick::Image& frame : whole) {
    const std::size_t delay = frame.animationDelay();
    resize(frame, box);
    frame.strip();
    frame.page(Magick::Geometry(box.width, box.height, 0, 0));
    frame.animationDelay(delay);
    frame.animationIterations(loops);
    frame.magick("GIF");
    frame.quiet(true);
    frame.modifyImage();
    frame.image()->dither =
        MagickCore::MagickFalse;  // its table of 128 MiB for each frame takes longer than all the rest
  }
  Magick::Blob blob;
  Magick::writeImages(whole.begin(), whole.end(), &blob, true);
  Converted done;
  done.type = "image/gif";
  done.octets.assign(static_cast<const char*>(blob.data()), blob.length());
  done.facts["result-frames"] = std::to_string(whole.size());
  done.facts["result-width"] = std::to_string(box.width);
  done.facts["result-height"] = std::to_string(box.height);
  return done;
}

}  // namespace

void prepare_pictures(const Bounds& bounds) {
  static bool once = false;
  if (once) return;
  once = true;
  // Nothing from the environment or from files of this machine steers the decoders: the environment is empty, the
  // coders are named by us, and the rules below come after those of policy.xml.
  Magick::InitializeMagick(nullptr);
  std::unique_ptr<MagickCore::ExceptionInfo, MagickCore::ExceptionInfo* (*)(MagickCore::ExceptionInfo*)> exception(
      MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo);
  (void)MagickCore::SetMagickSecurityPolicy(kPolicy, exception.get());
  using MagickCore::SetMagickResourceLimit;
  SetMagickResourceLimit(MagickCore::ThreadResource, 1);
  SetMagickResourceLimit(MagickCore::AreaResource, bounds.pixels * 2);
  SetMagickResourceLimit(MagickCore::MemoryResource, bounds.memory);
  SetMagickResourceLimit(MagickCore::MapResource, 0);
  SetMagickResourceLimit(MagickCore::DiskResource, 0);
  SetMagickResourceLimit(MagickCore::FileResource, 1);
  SetMagickResourceLimit(MagickCore::WidthResource, kLongestSide);
  SetMagickResourceLimit(MagickCore::HeightResource, kLongestSide);
  SetMagickResourceLimit(MagickCore::ListLengthResource, bounds.frames + 2);
  g_srgb = make_srgb();
  // Each coder is used once: that loads its module and what it reads lazily.
  for (const auto& [type, coder] : kCoders) {
    Magick::Image image = blank(40, 24, false);
    image.pixelColor(3, 3, Magick::Color(0, 0, QuantumRange));
    image.profile("ICC", Magick::Blob(g_srgb.data(), g_srgb.size()));
    Task task;
    task.octets = encode(image, coder, kQuality);
    for (const auto* target : {"image/jpeg", "image/png", "image/webp"}) {
      task.target = target;
      task.parameters = {{"pix-x", "8"}};
      (void)convert_picture(task, std::string(type), bounds);
    }
    if (type == "image/gif") {
      task.target = "image/gif";
      (void)convert_picture(task, std::string(type), bounds);
    }
  }
}

bool is_picture(const std::string& type) { return type == "image/heic" || coder_of(type) != nullptr; }

void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t frames, const Bounds& bounds) {
  if (width == 0 || height == 0) throw Stop{Refusal::broken_source, "the picture has no pixels"};
  if (width > kLongestSide || height > kLongestSide || width * height > bounds.pixels ||
      width * height * frames > bounds.pixels)
    throw Stop{Refusal::too_large, "the picture has too many pixels"};
}

Parameters picture_facts(const std::string& octets, const std::string& type, const Bounds& bounds) {
  Parameters facts;
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::size_t frames = 1;
  if (type == "image/heic") {
    std::tie(width, height) = heic_size(octets);
  } else {
    if (type == "image/png") check_png(octets, bounds);
    const bool animated = type == "image/gif";
    const auto pinged = read_list(octets, coder_of(type), animated ? bounds.frames + 1 : 1, true);
    frames = pinged.size();
    for (const Magick::Image& frame : pinged) {
      width = std::max(
          {width, static_cast<std::uint64_t>(frame.columns()), static_cast<std::uint64_t>(frame.page().width())});
      height = std::max(
          {height, static_cast<std::uint64_t>(frame.rows()), static_cast<std::uint64_t>(frame.page().height())});
    }
  }
  check_size(width, height, 1, bounds);
  facts["width"] = std::to_string(width);
  facts["height"] = std::to_string(height);
  if (frames > 1) facts["frames"] = std::to_string(frames);
  return facts;
}

Converted encode_picture(Magick::Image image, const std::string& target, const Parameters& parameters,
                         const Bounds& bounds) {
  const Box box = fit(image.columns(), image.rows(), parameters);
  resize(image, box);
  if (target == "image/jpeg") flatten(image);
  image.strip();
  image.page(Magick::Geometry(0, 0));
  Converted done;
  done.type = target;
  done.octets = encode_within(image, coder_of(target), parameters);
  if (done.octets.size() > bounds.result_octets) throw Stop{Refusal::too_large, "the result is too large"};
  return done;
}

Converted convert_picture(const Task& task, const std::string& found, const Bounds& bounds) {
  Parameters facts = picture_facts(task.octets, found, bounds);
  const auto width = static_cast<std::size_t>(number_of(facts, "width"));
  const auto height = static_cast<std::size_t>(number_of(facts, "height"));
  Converted done;
  if (task.target == "image/gif") {
    const std::int64_t asked = number_of(task.parameters, "frames");
    const auto frames = static_cast<std::uint64_t>(std::max<std::int64_t>(1, number_of(facts, "frames")));
    if (asked == 0 && frames > bounds.frames) throw Stop{Refusal::too_large, "the animation has too many frames"};
    check_size(width, height, asked > 0 ? std::min<std::uint64_t>(frames, static_cast<std::uint64_t>(asked)) : frames,
               bounds);
    done = animate(task, bounds);
  } else {
    Box wanted = fit(width, height, task.parameters);
    if (wanted.width == width) wanted = {};
    Magick::Image image = read_first(task.octets, found, wanted);
    find_orientation(image);
    // Turned by a quarter, the box of the upright picture is another.
    if (lies_on_side(image))
      wanted = fit(height, width, task.parameters);
    else
      wanted = fit(width, height, task.parameters);
    if (lies_on_side(image)) std::swap(wanted.width, wanted.height);
    resize(image, {std::min(wanted.width, image.columns()), std::min(wanted.height, image.rows())});
    to_srgb(image);
    upright(image);
    Parameters rest = task.parameters;
    rest.erase("pix-x");
    rest.erase("pix-y");
    done = encode_picture(std::move(image), task.target, rest, bounds);
  }
  done.facts.merge(facts);
  return done;
}

}  // namespace cpm::adapt::worker
