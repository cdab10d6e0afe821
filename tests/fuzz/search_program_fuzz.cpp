// A search program as text: parsed or refused, whatever it is.
#include "imap/grammar/search_program.h"
#include "imap/registry.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cpm;
  using namespace cpm::imap;
  static const Registry registry = [] {
    auto built = Registry::build({});
    if (!built) std::abort();
    return std::move(*built);
  }();
  const Limits limits;
  wire::CommandInput input;
  input.text.assign(reinterpret_cast<const char*>(data), size);
  try {
    wire::Lexer lexer(input, limits, false);
    SearchContext context{registry};
    static_cast<void>(parse_search_program(lexer, context));
  } catch (const wire::BadSyntax&) {
    // what broken input is answered with
  }
  return 0;
}
