// Commands as a hostile client sends them: the reader must say the same however the octets are cut and stay within its
// bounds; every token of the lexer either consumes what it names or throws BadSyntax; what the encoder writes comes
// back.
#include "base/limits.h"
#include "imap/grammar/date.h"
#include "imap/grammar/flags.h"
#include "imap/grammar/section.h"
#include "imap/grammar/sequence_set.h"
#include "imap/wire/command_reader.h"
#include "imap/wire/encoder.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace cpm;
using namespace cpm::imap;
using Event = wire::CommandReader::Event;

const Limits& limits() {
  static const Limits small = [] {
    Limits l;
    l.line_octets = 300;
    l.nesting = 8;
    l.set_ranges = 20;
    return l;
  }();
  return small;
}

void require(bool held) {
  if (!held) std::abort();
}

// Feeds `octets` in pieces of `step`; refuses each `refuse_each`-th literal and the large ones. Returns what was said.
std::string run(std::string_view octets, std::size_t step, unsigned refuse_each,
                std::vector<wire::CommandInput>* commands) {
  wire::CommandReader reader(limits());
  std::string log;
  unsigned literals = 0;
  for (std::size_t at = 0; at < octets.size(); at += step) {
    reader.feed(octets.substr(at, step));
    for (Event event = reader.next(); event != Event::need_more; event = reader.next()) {
      require(reader.text().size() <= limits().line_octets + 2);
      log += std::to_string(static_cast<int>(event)) + reader.text() + '\n';
      if (event == Event::literal) {
        const bool refuse = ++literals % refuse_each == 0 || reader.announcement().octets > 200;
        if (refuse) {
          reader.refuse();
        } else {
          reader.accept(Spool(std::string()));
        }
      } else if (event == Event::command) {
        wire::CommandInput input = reader.take();
        for (const wire::Literal& literal : input.literals) log += literal.data.memory() + '\n';
        if (commands != nullptr) commands->push_back(std::move(input));
      }
    }
    require(!reader.buffered());
  }
  return log;
}

void nested(wire::Lexer& lexer) {
  lexer.list(true, [&] {
    if (lexer.peek() == '(') {
      nested(lexer);
    } else {
      (void)lexer.astring();
    }
  });
}

void come_back(const std::string& text) {
  for (const bool utf8 : {false, true}) {
    std::string out = "x ";
    wire::Encoder(out, utf8).astring(text);
    wire::CommandReader reader(limits());
    reader.feed(out + "\r\n");
    Event event = reader.next();
    if (event == Event::literal) {
      reader.accept(Spool(std::string()));
      event = reader.next();
    }
    if (event == Event::too_long) return;
    require(event == Event::command);
    wire::CommandInput input = reader.take();
    wire::Lexer lexer(input, limits(), utf8);
    (void)lexer.atom();
    lexer.sp();
    require(lexer.astring() == text);
    lexer.end();
  }
}

void parse(wire::CommandInput& input, std::uint8_t choices) {
  wire::Lexer lexer(input, limits(), choices & 1);
  try {
    (void)lexer.tag();
    while (!lexer.eof()) {
      const std::size_t before = lexer.position();
      lexer.sp();
      switch (choices++ % 17) {
        case 0: (void)lexer.word(); break;
        case 1: come_back(lexer.astring()); break;
        case 2: (void)lexer.nstring(); break;
        case 3: (void)lexer.list_mailbox(); break;
        case 4: (void)lexer.literal(); break;
        case 5: (void)lexer.number(); break;
        case 6: (void)lexer.number64(); break;
        case 7: nested(lexer); break;
        case 8: (void)grammar::parse_sequence_set(lexer).resolve(choices); break;
        case 9: (void)grammar::parse_flag_list(lexer); break;
        case 10: (void)grammar::parse_store_flags(lexer); break;
        case 11: (void)grammar::parse_date(lexer); break;
        case 12: require(grammar::format_date_time(grammar::parse_date_time(lexer)).size() == 26); break;
        case 13: (void)lexer.base64(); break;
        case 14:
          (void)lexer.item_name();
          (void)grammar::parse_binary_section(lexer);
          break;
        case 15: {
          (void)lexer.item_name();
          const grammar::Section section = grammar::parse_section(lexer);
          const auto partial = grammar::parse_partial(lexer);
          std::string out;
          wire::Encoder encoder(out, true);
          grammar::write_section(encoder, section);
          grammar::write_origin(encoder, partial);
          break;
        }
        default: (void)lexer.string(); break;
      }
      require(lexer.position() > before && lexer.position() <= input.text.size());
    }
    lexer.end();
  } catch (const wire::BadSyntax& bad) {
    require(!bad.text.empty() && bad.position <= input.text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned refuse_each = data[0] % 5 + 1;
  const std::uint8_t choices = data[1];
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::vector<wire::CommandInput> commands;
  const std::string whole = run(octets, octets.size() + 1, refuse_each, &commands);
  require(run(octets, 1, refuse_each, nullptr) == whole);
  require(run(octets, data[0] % 31 + 2, refuse_each, nullptr) == whole);
  for (wire::CommandInput& input : commands) parse(input, choices);
  return 0;
}
