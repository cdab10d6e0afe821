// Octets as a client may send them → complete commands → every registered parser. Literals are taken as they come.
#include "imap/registry.h"
#include "imap/wire/command_reader.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace cpm;
using namespace cpm::imap;

const Registry& registry() {
  static const Registry instance = [] {
    auto built = Registry::build({});
    if (!built) std::abort();
    return std::move(*built);
  }();
  return instance;
}

void parse(wire::CommandInput& input, const Limits& limits, bool modern) {
  try {
    wire::Lexer lexer(input, limits, modern);
    static_cast<void>(lexer.tag());
    lexer.sp();
    std::string name = lexer.word();
    if (name == "UID") {
      lexer.sp();
      name += ' ' + lexer.word();
    }
    const CommandSpec* spec = registry().command(name);
    if (spec != nullptr) static_cast<void>(spec->parse(lexer, ParseContext{limits, registry(), modern, false, modern}));
  } catch (const wire::BadSyntax&) {
    // what broken input is answered with
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Limits limits;
  limits.line_octets = 4096;
  wire::CommandReader reader(limits);
  reader.feed(std::string_view(reinterpret_cast<const char*>(data), size));
  const bool modern = size > 0 && (data[0] & 1) != 0;
  for (;;) {
    switch (reader.next()) {
      case wire::CommandReader::Event::need_more:
      case wire::CommandReader::Event::line: return 0;
      case wire::CommandReader::Event::literal:
        if (reader.announcement().octets > 65536) {
          reader.refuse();
        } else {
          reader.accept(Spool(limits));
        }
        break;
      case wire::CommandReader::Event::command: {
        wire::CommandInput input = reader.take();
        parse(input, limits, modern);
        break;
      }
      case wire::CommandReader::Event::too_long:
      case wire::CommandReader::Event::failed: reader.take(); break;
    }
  }
}
