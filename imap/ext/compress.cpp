// COMPRESS=DEFLATE (RFC 4978). Starts after the tagged OK; once per connection.
#include "imap/session/session.h"

namespace cpm::imap::ext::compress {

namespace {

struct CompressCommand {
  std::string algorithm;
};

CompressCommand parse(wire::Lexer& lexer, const ParseContext&) {
  CompressCommand command;
  lexer.sp();
  command.algorithm = lexer.word();
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, CompressCommand command) {
  if (command.algorithm != "DEFLATE") co_return bad("Unknown compression algorithm");
  if (session.stream->compressed()) co_return no("Compression is on already", "COMPRESSIONACTIVE");
  Done done = ok("Compression starts");
  done.next = Done::Next::compress;
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "compress";
  extension.rfcs = {"RFC 4978"};
  CapabilitySpec capability;
  capability.name = "COMPRESS=DEFLATE";
  capability.shown = [](const Session& session) { return !session.stream->compressed(); };
  extension.capabilities = {capability};
  extension.commands = {command("COMPRESS", kLoggedIn, kNoFlags, parse, execute)};
  extension.response_codes = {"COMPRESSIONACTIVE"};
  return extension;
}

}  // namespace cpm::imap::ext::compress
