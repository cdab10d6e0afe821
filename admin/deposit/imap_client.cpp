#include "admin/deposit/imap_client.h"

#include "admin/deposit/object_builder.h"
#include "admin/deposit/text.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace cpm::deposit {

namespace {

// A larger literal waits for the server's word: a refusal then comes before the octets and not after them.
constexpr std::uint64_t kUnaskedLiteral = 64 * 1024;
constexpr std::uint64_t kLiteralMinus = 4096;  // RFC 7888 5
constexpr std::size_t kTogether = 64 * 1024;   // octets of one write
constexpr std::size_t kMostUntagged = 64;      // lines that are looked at after a command

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  return out;
}

// The server's words, as they may be shown on a terminal.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 500));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20U || c == 0x7f) c = '?';
  }
  return out;
}

// The first word; the rest stays.
std::string_view take_word(std::string_view& text) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, blank);
  text.remove_prefix(std::min(blank + 1, text.size()));
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The n of a line that ends in {n}.
std::optional<std::uint64_t> literal_at_end(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  const std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  return number<std::uint64_t>(line.substr(open + 1, line.size() - open - 2));
}

// RFC 5530, 3502, 4315, 7889, 9208, 9738.
Failure failure_of(std::string_view code, bool bad) {
  struct Row {
    std::string_view code;
    Failure failure;
  };
  static constexpr std::array<Row, 17> kCodes{{{"AUTHENTICATIONFAILED", Failure::auth_failed},
                                               {"AUTHORIZATIONFAILED", Failure::authz_failed},
                                               {"EXPIRED", Failure::auth_failed},
                                               {"PRIVACYREQUIRED", Failure::denied},
                                               {"NOPERM", Failure::denied},
                                               {"CONTACTADMIN", Failure::denied},
                                               {"OVERQUOTA", Failure::over_quota},
                                               {"TOOBIG", Failure::too_big},
                                               {"LIMIT", Failure::limit},
                                               {"CANNOT", Failure::invalid},
                                               {"ALREADYEXISTS", Failure::exists},
                                               {"NONEXISTENT", Failure::not_found},
                                               {"TRYCREATE", Failure::try_create},
                                               {"INUSE", Failure::in_use},
                                               {"UNAVAILABLE", Failure::unavailable},
                                               {"CORRUPTION", Failure::corrupt},
                                               {"SERVERBUG", Failure::internal}}};
  for (const Row& row : kCodes) {
    if (row.code == code) return row.failure;
  }
  return bad ? Failure::bad_syntax : Failure::denied;
}

// Numbers in their order: "5,3,9:11".
std::vector<std::uint32_t> uid_list(std::string_view text, std::size_t most) {
  std::vector<std::uint32_t> uids;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view range = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t colon = range.find(':');
    const auto first = number<std::uint32_t>(range.substr(0, colon));
    const auto last = colon == std::string_view::npos ? first : number<std::uint32_t>(range.substr(colon + 1));
    if (!first || !last || uids.size() + 1 > most || (*last >= *first ? *last - *first : *first - *last) >= most)
      return {};
    for (std::uint32_t uid = *first;; uid = *last > *first ? uid + 1 : uid - 1) {
      uids.push_back(uid);
      if (uid == *last) break;
    }
  }
  return uids;
}

std::string flag_list(const std::vector<std::string>& flags) {
  if (flags.empty()) return {};
  std::string text = " (";
  for (const std::string& flag : flags) text += (text.size() == 2 ? "" : " ") + flag;
  return text + ")";
}

}  // namespace

Result<ImapClient> ImapClient::log_in(const ServerAddress& address, const Credentials& credentials) {
  CPM_TRY(connection, Connection::open(address));
  ImapClient client(std::move(connection));
  CPM_CHECK(client.greet(address));
  CPM_CHECK(client.authenticate(credentials));
  return Result<ImapClient>(boost::system::in_place_value, std::move(client));
}

bool ImapClient::has(std::string_view capability) const { return capabilities_.contains(capability); }

Error ImapClient::lost(const Error& error) const {
  if (bye_.empty()) return error;
  return fail(error.failure, "the server ended the connection: " + bye_, error.detail);
}

Result<void> ImapClient::greet(const ServerAddress& address) {
  CPM_TRY(greeting, read_response());
  if (greeting.starts_with("* BYE")) return fail(Failure::unavailable, "the server refuses the connection: " + bye_);
  if (!greeting.starts_with("* OK")) {
    return fail(Failure::unsupported, "what answers at " + address.host + ":" + std::to_string(address.port) +
                                          " is not an IMAP server that one logs in to");
  }
  const std::size_t open = greeting.find("[CAPABILITY ");
  if (open != std::string::npos) {
    take_capabilities(std::string_view(greeting).substr(open + 12, greeting.find(']', open) - open - 12));
  } else {
    CPM_CHECK(ask_capabilities());
  }
  if (address.security != Security::starttls) return {};
  if (!has("STARTTLS")) return fail(Failure::unsupported, "the server does not offer STARTTLS");
  CPM_TRY(agreed, command("STARTTLS"));
  if (agreed.status != Status::ok) return fail(Failure::unsupported, "the server refuses STARTTLS: " + agreed.text);
  CPM_CHECK(connection_->start_tls());
  return ask_capabilities();
}

Result<void> ImapClient::authenticate(const Credentials& credentials) {
  if (!has("AUTH=PLAIN")) {
    return fail(Failure::unsupported, "the server does not offer AUTH=PLAIN on this connection; it needs TLS for that");
  }
  std::string message = credentials.act_for + '\0' + credentials.name + '\0' + credentials.password;
  std::string secret = base64(message);
  OPENSSL_cleanse(message.data(), message.size());
  const std::string tag = next_tag();
  const bool at_once = has("SASL-IR");
  std::string line = tag + " AUTHENTICATE PLAIN" + (at_once ? " " + secret : "") + "\r\n";
  auto sent = connection_->write(line);
  OPENSSL_cleanse(line.data(), line.size());
  Result<std::optional<Reply>> reply = fail(Failure::unavailable, "the login could not be sent");
  if (sent) reply = read_reply(tag, !at_once);
  if (sent && reply && !*reply) {
    sent = connection_->write(secret + "\r\n");
    if (sent) reply = read_reply(tag, false);
  }
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!sent) return lost(sent.error());
  if (!reply) return reply.error();
  const Reply& said = **reply;
  if (said.status == Status::ok) {
    if (said.code == "CAPABILITY") {
      take_capabilities(said.data);
      return {};
    }
    return ask_capabilities();
  }
  Failure failure = failure_of(said.code, said.status == Status::bad);
  if (failure == Failure::limit) failure = Failure::locked_out;
  if (said.code.empty()) failure = Failure::auth_failed;
  const std::string who = "\"" + credentials.name + "\"";
  if (failure == Failure::authz_failed) {
    return fail(failure, who + " may not act for \"" + credentials.act_for + "\": " + said.text);
  }
  return fail(failure, "the login as " + who + " was refused: " + said.text);
}

Result<void> ImapClient::ask_capabilities() {
  CPM_TRY(reply, command("CAPABILITY"));
  for (const std::string& line : reply.untagged) {
    if (line.starts_with("CAPABILITY ")) take_capabilities(std::string_view(line).substr(11));
  }
  return {};
}

void ImapClient::take_capabilities(std::string_view list) {
  capabilities_.clear();
  append_limit_.reset();
  while (!list.empty()) {
    const std::string word = upper(take_word(list));
    if (word.starts_with("APPENDLIMIT=")) append_limit_ = number<std::uint64_t>(std::string_view(word).substr(12));
    capabilities_.insert(word);
  }
}

Result<void> ImapClient::enable_once() {
  const Error missing = fail(Failure::unsupported,
                             "the server does not offer idempotent deposits (X-CPM-ONCE): a repeated deposit would be "
                             "stored twice");
  if (!has("X-CPM-ONCE")) return missing;
  CPM_TRY(reply, command("ENABLE X-CPM-ONCE"));
  if (reply.status != Status::ok) return fail(Failure::unsupported, "the server refuses X-CPM-ONCE: " + reply.text);
  for (const std::string& line : reply.untagged) {
    if (line.starts_with("ENABLED") && upper(line).find("X-CPM-ONCE") != std::string::npos) return {};
  }
  return missing;
}

std::string ImapClient::next_tag() { return "d" + std::to_string(++tags_); }

Result<ImapClient::Reply> ImapClient::command(const std::string& line) {
  const std::string tag = next_tag();
  if (const auto sent = connection_->write(tag + " " + line + "\r\n"); !sent) return lost(sent.error());
  CPM_TRY(reply, read_reply(tag, false));
  return std::move(*reply);
}

Result<std::string> ImapClient::read_response() {
  auto line = connection_->read_line();
  if (!line) return lost(line.error());
  std::string response = *line;
  while (const auto literal = literal_at_end(response)) {
    const auto octets = connection_->read_octets(*literal);
    if (!octets) return lost(octets.error());
    CPM_TRY(rest, connection_->read_line());
    response = response.substr(0, response.rfind('{')) + rest;
  }
  if (upper(response.substr(0, 5)) == "* BYE") bye_ = response.size() > 6 ? shown(response.substr(6)) : "BYE";
  return response;
}

Result<std::optional<ImapClient::Reply>> ImapClient::read_reply(const std::string& tag, bool go_on) {
  Reply reply;
  for (;;) {
    CPM_TRY(response, read_response());
    if (response.starts_with('+')) {
      if (go_on) return std::optional<Reply>();
      continue;
    }
    if (response.starts_with("* ")) {
      const std::string word = upper(response.substr(2, std::min(response.find(' ', 2), response.size()) - 2));
      const bool wanted = word == "CAPABILITY" || word == "ENABLED" || word == "STATUS";
      if (wanted && reply.untagged.size() < kMostUntagged) {
        reply.untagged.push_back(word + response.substr(2 + word.size()));
      }
      continue;
    }
    if (!response.starts_with(tag + " ")) continue;
    std::string_view rest = std::string_view(response).substr(tag.size() + 1);
    const std::string status = upper(take_word(rest));
    reply.status = status == "OK" ? Status::ok : status == "NO" ? Status::no : Status::bad;
    const std::size_t close = rest.find(']');
    if (rest.starts_with('[') && close != std::string_view::npos) {
      std::string_view inside = rest.substr(1, close - 1);
      reply.code = upper(take_word(inside));
      reply.data = inside;
      rest.remove_prefix(std::min(close + 2, rest.size()));
    }
    reply.text = shown(rest);
    return std::optional(std::move(reply));
  }
}

Result<void> ImapClient::create(const std::string& mailbox) {
  CPM_TRY(reply, command("CREATE " + mailbox_argument(mailbox)));
  if (reply.status == Status::ok || reply.code == "ALREADYEXISTS") return {};
  return fail(failure_of(reply.code, reply.status == Status::bad),
              "the mailbox " + mailbox + " could not be made: " + reply.text);
}

Result<std::optional<std::uint32_t>> ImapClient::uid_next(const std::string& mailbox) {
  CPM_TRY(reply, command("STATUS " + mailbox_argument(mailbox) + " (UIDNEXT)"));
  if (reply.status != Status::ok) return std::optional<std::uint32_t>();
  for (const std::string& line : reply.untagged) {
    const std::size_t at = line.rfind("(UIDNEXT ");
    if (at != std::string::npos && line.ends_with(')')) {
      return number<std::uint32_t>(std::string_view(line).substr(at + 9, line.size() - at - 10));
    }
  }
  return std::optional<std::uint32_t>();
}

Result<ImapClient::Reply> ImapClient::send_append(const std::string& mailbox, std::span<const Object> objects) {
  const std::string tag = next_tag();
  std::string out = tag + " APPEND " + mailbox_argument(mailbox);
  const auto flush = [&]() -> Result<void> {
    auto sent = connection_->write(out);
    out.clear();
    return sent;
  };
  for (const Object& object : objects) {
    const std::uint64_t size = object.size();
    const bool unasked = size <= kUnaskedLiteral && (has("LITERAL+") || (has("LITERAL-") && size <= kLiteralMinus));
    out += flag_list(object.flags) + " \"" + object.date.internal_date() + "\" {" + std::to_string(size) +
           (unasked ? "+}\r\n" : "}\r\n");
    if (!unasked) {
      if (const auto sent = flush(); !sent) return lost(sent.error());
      CPM_TRY(early, read_reply(tag, true));
      if (early) return std::move(*early);
    }
    bool broken = false;
    const auto written = write_object(object, [&](std::string_view octets) -> Result<void> {
      out += octets;
      if (out.size() < kTogether) return {};
      auto sent = flush();
      broken = !sent;
      return sent;
    });
    if (!written && !broken) {  // the file: there is no way to take back a literal that was announced
      connection_->close();
      return fail(written.error().failure, line_prefix(object.line) + written.error().text,
                  "the connection was given up");
    }
    if (!written) {
      // A server that hangs up says why before it does.
      while (bye_.empty() && read_response()) {
      }
      return lost(written.error());
    }
  }
  out += "\r\n";
  if (const auto sent = flush(); !sent) return lost(sent.error());
  auto reply = read_reply(tag, false);
  if (reply) return std::move(**reply);
  return fail(Failure::in_doubt, reply.error().text, reply.error().detail);
}

Result<Appended> ImapClient::append(const std::string& mailbox, std::span<const Object> objects) {
  if (append_limit_) {
    for (const Object& object : objects) {
      if (object.size() <= *append_limit_) continue;
      return fail(Failure::too_big, "an object of " + std::to_string(object.size()) +
                                        " octets is larger than the server takes (" + std::to_string(*append_limit_) +
                                        ")");
    }
  }
  Appended appended;
  CPM_TRY(reply, send_append(mailbox, objects));
  if (reply.status == Status::no && reply.code == "TRYCREATE") {
    CPM_CHECK(create(mailbox));
    appended.created = true;
    CPM_TRY(again, send_append(mailbox, objects));
    reply = std::move(again);
  }
  if (reply.status != Status::ok) {
    const Failure failure = failure_of(reply.code, reply.status == Status::bad);
    // The server may not know itself whether it was done: its own connection broke.
    return fail(failure,
                "the server refused it" + (reply.code.empty() ? "" : " [" + reply.code + "]") + ": " + reply.text);
  }
  if (reply.code == "APPENDUID") {
    std::string_view data = reply.data;
    appended.uidvalidity = number<std::uint32_t>(take_word(data)).value_or(0);
    appended.uids = uid_list(data, objects.size());
    if (appended.uids.size() != objects.size()) appended.uids.clear();
  }
  return appended;
}

bool ImapClient::alive() {
  if (!usable()) return false;
  const auto reply = command("NOOP");
  return reply && reply->status == Status::ok;
}

void ImapClient::log_out() {
  const auto ignored = command("LOGOUT");
  static_cast<void>(ignored);
  connection_->close();
}

}  // namespace cpm::deposit
