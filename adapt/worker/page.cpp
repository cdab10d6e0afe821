#include "adapt/worker/page.h"

#include "adapt/worker/picture.h"
#include "adapt/worker/work.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-image.h>
#include <poppler-page-renderer.h>
#include <poppler-page.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace cpm::adapt::worker {

namespace {

constexpr double kPoints = 72;
constexpr double kStandard = 150;    // dots per inch without pix-x and pix-y
constexpr double kLongest = 14'400;  // points: the largest page of the PDF standard
constexpr double kMostPixels = 16e6;

struct Opened {
  std::unique_ptr<poppler::document> document;
  std::unique_ptr<poppler::page> page;
  double width = 0, height = 0;  // points
};

Opened open(const std::string& octets) {
  Opened opened;
  opened.document.reset(poppler::document::load_from_raw_data(octets.data(), static_cast<int>(octets.size())));
  if (!opened.document || opened.document->is_locked() || opened.document->pages() < 1)
    throw Stop{Refusal::broken_source, "the document cannot be read"};
  opened.page.reset(opened.document->create_page(0));
  if (!opened.page) throw Stop{Refusal::broken_source, "the document has no first page"};
  const poppler::rectf box = opened.page->page_rect();
  opened.width = box.width();
  opened.height = box.height();
  const auto orientation = opened.page->orientation();
  if (orientation == poppler::page::landscape || orientation == poppler::page::seascape)
    std::swap(opened.width, opened.height);
  if (!(opened.width >= 1 && opened.height >= 1)) throw Stop{Refusal::broken_source, "the page has no size"};
  if (opened.width > kLongest || opened.height > kLongest) throw Stop{Refusal::too_large, "the page is too large"};
  return opened;
}

Parameters facts_of(const Opened& opened) {
  Parameters facts;
  facts["pages"] = std::to_string(opened.document->pages());
  facts["width"] = std::to_string(std::lround(opened.width));
  facts["height"] = std::to_string(std::lround(opened.height));
  return facts;
}

// Fontconfig complains there that it cannot write its cache.
class Silence {
 public:
  Silence() : kept_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
  }
  ~Silence() {
    ::dup2(kept_, STDERR_FILENO);
    ::close(kept_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int kept_;
};

}  // namespace

void prepare_pages() {
  const Silence silence;
  poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
  static const std::string kEmpty =
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 30 20]/Contents 4 0 R"
      "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
      "4 0 obj<</Length 31>>stream\nBT /F 8 Tf 2 4 Td (Page) Tj ET\nendstream endobj\n"
      "trailer<</Root 1 0 R>>\n%%EOF\n";
  // One document stays open: with the last one the library forgets what it read from files.
  static const Opened kept = open(kEmpty);
  Task task;
  task.octets = kEmpty;
  task.target = "image/png";
  (void)first_page(task, {});
}

Parameters page_facts(const std::string& octets) { return facts_of(open(octets)); }

Converted first_page(const Task& task, const Bounds& bounds) {
  const Opened opened = open(task.octets);
  double dots = kStandard;
  const auto x = static_cast<double>(number_of(task.parameters, "pix-x"));
  const auto y = static_cast<double>(number_of(task.parameters, "pix-y"));
  if (x > 0) dots = std::min(dots, x * kPoints / opened.width);
  if (y > 0) dots = std::min(dots, y * kPoints / opened.height);
  dots = std::min(dots, std::sqrt(kMostPixels / (opened.width * opened.height)) * kPoints);
  dots = std::max(dots, 1.0);
  // Drawn at twice the size and averaged: letters stay readable.
  const double drawn = x > 0 || y > 0 ? std::min(dots * 2, kStandard) : dots;
  check_size(static_cast<std::uint64_t>(opened.width * drawn / kPoints) + 1,
             static_cast<std::uint64_t>(opened.height * drawn / kPoints) + 1, 1, bounds);
  poppler::page_renderer renderer;
  renderer.set_render_hint(poppler::page_renderer::antialiasing);
  renderer.set_render_hint(poppler::page_renderer::text_antialiasing);
  renderer.set_image_format(poppler::image::format_rgb24);
  const poppler::image image = renderer.render_page(opened.page.get(), drawn, drawn);
  if (!image.is_valid() || image.width() <= 0 || image.height() <= 0)
    throw Stop{Refusal::broken_source, "the page cannot be drawn"};
  const auto width = static_cast<std::size_t>(image.width());
  const auto height = static_cast<std::size_t>(image.height());
  std::string packed;
  packed.reserve(width * height * 3);
  for (std::size_t row = 0; row < height; ++row)
    packed.append(image.const_data() + row * static_cast<std::size_t>(image.bytes_per_row()), width * 3);
  Magick::Image picture(width, height, "RGB", Magick::CharPixel, packed.data());
  Converted done = encode_picture(std::move(picture), task.target, task.parameters, bounds);
  done.facts = facts_of(opened);
  return done;
}

}  // namespace cpm::adapt::worker
