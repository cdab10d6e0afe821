// A URL as text: refused, or spelled anew and read back as the same.
#include "imap/grammar/imap_url.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cpm;
  using namespace cpm::imap;
  const Limits limits;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = grammar::parse_imap_url(text, limits);
  if (url) {
    const std::string spelled = grammar::to_string(*url);
    const auto again = grammar::parse_imap_url(spelled, limits);
    if (again ? *again != *url : spelled.size() <= grammar::kMostUrlOctets) std::abort();
    if (!text.starts_with(grammar::rump_of(text, *url))) std::abort();
  }
  static_cast<void>(grammar::url_for_code(text));
  static_cast<void>(grammar::without_tokens(text));
  return 0;
}
