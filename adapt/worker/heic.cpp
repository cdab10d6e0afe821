#include "adapt/worker/heic.h"

#include "adapt/worker/work.h"

#include <libheif/heif.h>

#include <algorithm>
#include <memory>
#include <vector>

// The decoder behind libheif would start a thread, which the jail does not have; without it, it decodes in ours.
extern "C" __attribute__((visibility("default"))) int de265_start_worker_threads(void*, int) { return 0; }

namespace cpm::adapt::worker {

namespace {

template <auto kRelease>
struct Release {
  template <class T>
  void operator()(T* thing) const {
    kRelease(thing);
  }
};
using Context = std::unique_ptr<heif_context, Release<::heif_context_free>>;
using Handle = std::unique_ptr<heif_image_handle, Release<::heif_image_handle_release>>;
using Picture = std::unique_ptr<heif_image, Release<::heif_image_release>>;

void check(const heif_error& error) {
  if (error.code != heif_error_Ok) throw Stop{Refusal::broken_source, "the picture cannot be read"};
}

Context open(const std::string& octets) {
  Context context(::heif_context_alloc());
  if (!context) throw std::bad_alloc();
  ::heif_context_set_max_decoding_threads(context.get(), 0);
  check(::heif_context_read_from_memory_without_copy(context.get(), octets.data(), octets.size(), nullptr));
  return context;
}

Handle primary(const Context& context) {
  heif_image_handle* handle = nullptr;
  check(::heif_context_get_primary_image_handle(context.get(), &handle));
  return Handle(handle);
}

std::size_t longer_side(const heif_image_handle* handle) {
  return static_cast<std::size_t>(
      std::max({0, ::heif_image_handle_get_width(handle), ::heif_image_handle_get_height(handle)}));
}

Handle large_thumbnail(const Handle& handle, std::size_t side) {
  heif_item_id id = 0;
  heif_image_handle* thumbnail = nullptr;
  if (side == 0 || ::heif_image_handle_get_list_of_thumbnail_IDs(handle.get(), &id, 1) != 1) return nullptr;
  if (::heif_image_handle_get_thumbnail(handle.get(), id, &thumbnail).code != heif_error_Ok) return nullptr;
  Handle found(thumbnail);
  return longer_side(found.get()) >= side ? std::move(found) : nullptr;
}

}  // namespace

std::pair<std::uint64_t, std::uint64_t> heic_size(const std::string& octets) {
  const Context context = open(octets);
  const Handle handle = primary(context);
  return {static_cast<std::uint64_t>(std::max(0, ::heif_image_handle_get_width(handle.get()))),
          static_cast<std::uint64_t>(std::max(0, ::heif_image_handle_get_height(handle.get())))};
}

Magick::Image read_heic(const std::string& octets, std::size_t side) {
  const Context context = open(octets);
  Handle handle = primary(context);
  if (Handle thumbnail = large_thumbnail(handle, side)) handle = std::move(thumbnail);
  const bool alpha = ::heif_image_handle_has_alpha_channel(handle.get()) != 0;
  heif_image* raw = nullptr;
  check(::heif_decode_image(handle.get(), &raw, heif_colorspace_RGB,
                            alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, nullptr));
  const Picture picture(raw);
  int stride = 0;
  const std::uint8_t* rows = ::heif_image_get_plane_readonly(picture.get(), heif_channel_interleaved, &stride);
  const int width = ::heif_image_get_width(picture.get(), heif_channel_interleaved);
  const int height = ::heif_image_get_height(picture.get(), heif_channel_interleaved);
  const int pixel = alpha ? 4 : 3;
  if (rows == nullptr || width <= 0 || height <= 0 || stride < width * pixel)
    throw Stop{Refusal::broken_source, "the picture cannot be read"};
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(width) * static_cast<std::size_t>(height * pixel));
  const auto line = static_cast<std::size_t>(width * pixel);
  for (int y = 0; y < height; ++y)
    std::copy_n(rows + static_cast<std::ptrdiff_t>(y) * stride, line,
                packed.data() + static_cast<std::size_t>(y) * line);
  Magick::Image image(static_cast<std::size_t>(width), static_cast<std::size_t>(height), alpha ? "RGBA" : "RGB",
                      Magick::CharPixel, packed.data());
  if (const std::size_t size = ::heif_image_handle_get_raw_color_profile_size(handle.get());
      size > 0 && size < 4 * 1024 * 1024) {
    std::vector<std::uint8_t> profile(size);
    if (::heif_image_handle_get_raw_color_profile(handle.get(), profile.data()).code == heif_error_Ok &&
        ::heif_image_handle_get_color_profile_type(handle.get()) != heif_color_profile_type_nclx)
      image.iccColorProfile(Magick::Blob(profile.data(), profile.size()));
  }
  return image;
}

}  // namespace cpm::adapt::worker
