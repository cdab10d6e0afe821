#include "imap/grammar/imap_url.h"

#include <algorithm>
#include <charconv>

namespace cpm::imap::grammar {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_unreserved(char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

constexpr std::string_view kSafeDelimiters = "!$'()*+,";  // sub-delims-sh

// Characters of achar and bchar, percent-encoding included as "%".
bool is_achar(char c) { return is_unreserved(c) || is_one_of(c, kSafeDelimiters) || is_one_of(c, "&=%"); }
bool is_bchar(char c) { return is_achar(c) || is_one_of(c, ":@/"); }
bool is_host_char(char c) { return is_unreserved(c); }
bool is_literal_char(char c) { return is_hex(c) || c == ':' || c == '.'; }
bool is_mechanism_char(char c) { return is_alnum(c) || c == '-' || c == '.'; }
bool is_time_char(char c) { return is_digit(c) || is_one_of(c, "TtZz:+-."); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

Error invalid(const char* why) { return fail(Failure::invalid, why); }

unsigned hex_value(char c) { return static_cast<unsigned>(is_digit(c) ? c - '0' : lower(c) - 'a' + 10); }

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) {
      return invalid("% is not followed by two hexadecimal digits");
    }
    out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

Result<std::string> decode_utf8(std::string_view text) {
  CPM_TRY(out, decode(text));
  if (!wire::is_utf8(out)) return invalid("Not UTF-8");
  for (const char c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return invalid("Control characters");
  }
  return out;
}

void encode(std::string& out, std::string_view text, std::string_view also) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c) || is_one_of(c, also)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[octet >> 4];
    out += kDigits[octet & 15];
  }
}

template <class Int>
Result<Int> whole_number(std::string_view digits) {
  Int value{};
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (digits.empty() || !is_digit(digits.front()) || read.ec != std::errc{} || read.ptr != end) {
    return invalid("Bad number");
  }
  return value;
}

bool has_dot_segment(std::string_view path) {
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == std::string_view::npos) return false;
    path.remove_prefix(end + 1);
  }
}

// Two digits at `at`, below `bound`.
std::optional<int> two_digits(std::string_view text, std::size_t at, int bound) {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return std::nullopt;
  const int value = (text[at] - '0') * 10 + (text[at + 1] - '0');
  if (value >= bound) return std::nullopt;
  return value;
}

// date-time of RFC 3339; fractions of a second are dropped, so that the URL never lives longer than it says.
Result<std::chrono::sys_seconds> date_time(std::string_view text) {
  const Error bad = invalid("EXPIRE is not a date and time of RFC 3339");
  const auto at = [text](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  const auto century = two_digits(text, 0, 100), year = two_digits(text, 2, 100), month = two_digits(text, 5, 13);
  const auto day = two_digits(text, 8, 32), hour = two_digits(text, 11, 24), minute = two_digits(text, 14, 60);
  const auto second = two_digits(text, 17, 61);
  if (!century || !year || !month || !day || !hour || !minute || !second) return bad;
  if (at(4) != '-' || at(7) != '-' || lower(at(10)) != 't' || at(13) != ':' || at(16) != ':') return bad;
  const std::chrono::year_month_day date{std::chrono::year(*century * 100 + *year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return bad;
  std::size_t next = 19;
  if (at(next) == '.') {
    const std::size_t begin = ++next;
    while (is_digit(at(next))) ++next;
    if (next == begin) return bad;
  }
  std::chrono::seconds offset{0};
  if (lower(at(next)) == 'z') {
    ++next;
  } else {
    const auto hours = two_digits(text, next + 1, 24), minutes = two_digits(text, next + 4, 60);
    if ((at(next) != '+' && at(next) != '-') || !hours || !minutes || at(next + 3) != ':') return bad;
    offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (at(next) == '-') offset = -offset;
    next += 6;
  }
  if (next != text.size()) return bad;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) - offset;
}

Result<Section> section_from(const std::string& text, const Limits& limits) {
  wire::CommandInput input;
  input.text = "[" + text + "]";
  try {
    wire::Lexer lexer(input, limits, false);
    Section section = parse_section(lexer);
    if (lexer.eof()) return section;
  } catch (const wire::BadSyntax&) {
    // said below
  }
  return invalid("No such SECTION can be");
}

class Parser {
 public:
  Parser(std::string_view text, const Limits& limits) : rest_(text), limits_(limits) {}

  Result<ImapUrl> url() {
    if (try_text("imap:")) {
      url_.has_scheme = true;
      if (!try_text("//")) return invalid("Expected imap://");
      CPM_CHECK(server());
    } else if (try_text("//")) {
      CPM_CHECK(server());
    } else if (!rest_.starts_with("/") && !rest_.starts_with(";")) {
      return invalid("Expected imap://, a path that begins with / or ;UID=");
    }
    if (try_text("/")) {
      if (rest_.empty()) return url_;
      CPM_CHECK(mailbox());
    } else if (url_.server) {
      if (!rest_.empty()) return invalid("Expected / after the server");
      return url_;
    } else {
      url_.uid = 0;  // what comes must be ;UID=
    }
    if (url_.uid) CPM_CHECK(message());
    if (!rest_.empty()) return invalid("Something else follows");
    return url_;
  }

 private:
  bool try_text(std::string_view wanted) {  // ASCII case does not matter
    if (rest_.size() < wanted.size() || !wire::iequals(rest_.substr(0, wanted.size()), wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  std::string_view run(bool (*accept)(char)) {
    std::size_t end = 0;
    while (end < rest_.size() && accept(rest_[end])) ++end;
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }

  Result<void> server() {
    UrlServer server;
    const std::string_view authority = rest_.substr(0, rest_.find('/'));
    if (authority.find('@') != std::string_view::npos) {
      if (const std::string_view user = run(is_achar); !user.empty()) {
        CPM_TRY(name, decode_utf8(user));
        server.user = name;
      }
      if (try_text(";AUTH=")) {
        CPM_TRY(mechanism, decode_utf8(run(is_achar)));
        if (mechanism.empty()) return invalid("Expected a mechanism");
        server.mechanism = mechanism;
      }
      if ((!server.user && !server.mechanism) || !try_text("@")) return invalid("Malformed user");
    }
    if (try_text("[")) {
      const std::string_view literal = run(is_literal_char);
      if (literal.empty() || !try_text("]")) return invalid("Malformed host");
      server.host = "[" + lower(literal) + "]";
    } else {
      server.host = lower(run(is_host_char));
    }
    if (server.host.empty()) return invalid("Expected a host");
    if (try_text(":")) {
      const std::string_view digits = run(is_digit);
      if (!digits.empty()) {
        CPM_TRY(port, whole_number<std::uint16_t>(digits));
        server.port = port;
      }
    }
    url_.server = std::move(server);
    return {};
  }

  // enc-mailbox [uidvalidity] and what says that a message or a search follows.
  Result<void> mailbox() {
    std::string_view name = run(is_bchar);
    if (try_text(";UIDVALIDITY=")) {
      CPM_TRY(number, nz_number());
      url_.uidvalidity = number;
      if (try_text("/")) url_.uid = 0;
    } else if (rest_.starts_with(";") && name.ends_with("/")) {
      name.remove_suffix(1);
      url_.uid = 0;
    }
    if (name.empty() || name.starts_with("/")) return invalid("Expected a mailbox");
    if (has_dot_segment(name)) return invalid("Dot-segments are not resolved");
    CPM_TRY(decoded, decode_utf8(name));
    url_.mailbox = decoded;
    if (url_.uid) return {};
    if (try_text("?")) {
      CPM_TRY(search, decode(run(is_bchar)));
      if (search.empty()) return invalid("Expected a search");
      url_.search = search;
    }
    return {};
  }

  // ;UID= and the rest
  Result<void> message() {
    if (!try_text(";UID=")) return invalid("Expected ;UID=");
    CPM_TRY(uid, nz_number());
    url_.uid = uid;
    if (try_text("/;SECTION=")) {
      std::string_view text = run(is_bchar);
      const bool more = text.ends_with("/") && rest_.starts_with(";");
      if (more) text.remove_suffix(1);
      CPM_TRY(decoded, decode_utf8(text));
      if (decoded.empty()) return invalid("Expected a section");
      CPM_TRY(section, section_from(decoded, limits_));
      url_.section = section;
      if (more) CPM_CHECK(partial(";PARTIAL="));
    } else if (rest_.starts_with("/")) {
      CPM_CHECK(partial("/;PARTIAL="));
    }
    if (try_text(";EXPIRE=")) {
      CPM_TRY(time, date_time(run(is_time_char)));
      url_.expire = time;
    }
    if (try_text(";URLAUTH=")) CPM_CHECK(authorization());
    return {};
  }

  Result<void> partial(std::string_view name) {
    if (!try_text(name)) return invalid("Expected ;PARTIAL=");
    UrlPartial partial;
    CPM_TRY(offset, whole_number<std::int64_t>(run(is_digit)));
    partial.offset = static_cast<std::uint64_t>(offset);
    if (try_text(".")) {
      CPM_TRY(length, whole_number<std::int64_t>(run(is_digit)));
      if (length == 0) return invalid("The length of a part must not be zero");
      partial.length = static_cast<std::uint64_t>(length);
    }
    url_.partial = partial;
    return {};
  }

  Result<void> authorization() {
    UrlAccess access;
    access.application = lower(run(is_alnum));
    if (access.application.empty()) return invalid("Expected an access identifier");
    if (try_text("+")) {
      CPM_TRY(user, decode_utf8(run(is_achar)));
      if (user.empty()) return invalid("Expected a user");
      access.user = user;
    }
    const bool named = access.application == "submit" || access.application == "user";
    const bool unnamed = access.application == "authuser" || access.application == "anonymous";
    if ((named && !access.user) || (unnamed && access.user)) return invalid("Malformed access identifier");
    url_.access = std::move(access);
    if (!try_text(":")) return {};
    UrlVerifier verifier;
    verifier.mechanism = wire::upper(run(is_mechanism_char));
    if (verifier.mechanism.empty() || !try_text(":")) return invalid("Malformed authorization");
    verifier.token = run(is_hex);
    if (verifier.token.size() < 32) return invalid("The token is too short");
    url_.verifier = std::move(verifier);
    return {};
  }

  Result<std::uint32_t> nz_number() {
    if (rest_.starts_with("0")) return invalid("Numbers here do not begin with zero");
    CPM_TRY(number, whole_number<std::uint32_t>(run(is_digit)));
    return number;
  }

  std::string_view rest_;
  const Limits& limits_;
  ImapUrl url_;
};

std::string section_text(const Section& section) {
  std::string out;
  wire::Encoder encoder(out, false);
  write_section(encoder, section);
  return out.substr(1, out.size() - 2);
}

std::string time_text(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto digits = [](auto value, std::size_t width) {
    std::string text = std::to_string(value);
    return std::string(width - std::min(width, text.size()), '0') + text;
  };
  return digits(static_cast<int>(date.year()), 4) + '-' + digits(static_cast<unsigned>(date.month()), 2) + '-' +
         digits(static_cast<unsigned>(date.day()), 2) + 'T' + digits(clock.hours().count(), 2) + ':' +
         digits(clock.minutes().count(), 2) + ':' + digits(clock.seconds().count(), 2) + 'Z';
}

void append_server(std::string& out, const UrlServer& server) {
  out += "//";
  if (server.user) encode(out, *server.user, kSafeDelimiters);
  if (server.mechanism) {
    out += ";AUTH=";
    encode(out, *server.mechanism, "*");
  }
  if (server.user || server.mechanism) out += '@';
  out += server.host;
  if (server.port) out += ':' + std::to_string(*server.port);
}

void append_mailbox(std::string& out, std::string_view name) {
  for (;;) {
    const std::size_t end = name.find('/');
    const std::string_view segment = name.substr(0, end);
    if (segment == "." || segment == "..") {
      for (std::size_t i = 0; i < segment.size(); ++i) out += "%2E";
    } else {
      encode(out, segment, ":@!$'()*+,=&");
    }
    if (end == std::string_view::npos) return;
    out += end == 0 || end + 1 == name.size() ? "%2F" : "/";  // not at either end
    name.remove_prefix(end + 1);
  }
}

}  // namespace

Result<ImapUrl> parse_imap_url(std::string_view text, const Limits& limits) {
  if (text.size() > kMostUrlOctets) return invalid("The URL is too long");
  return Parser(text, limits).url();
}

std::string to_string(const ImapUrl& url) {
  std::string out;
  if (url.has_scheme) out += "imap:";
  if (url.server) append_server(out, *url.server);
  if (url.mailbox) {
    out += '/';
    append_mailbox(out, *url.mailbox);
  } else if (!url.uid) {
    out += '/';
  }
  if (url.uidvalidity) out += ";UIDVALIDITY=" + std::to_string(*url.uidvalidity);
  if (url.search) {
    out += '?';
    encode(out, *url.search, "");
  }
  if (url.uid) out += (url.mailbox ? "/;UID=" : ";UID=") + std::to_string(*url.uid);
  if (url.section) {
    out += "/;SECTION=";
    encode(out, section_text(*url.section), "()");
  }
  if (url.partial) {
    out += "/;PARTIAL=" + std::to_string(url.partial->offset);
    if (url.partial->length) out += '.' + std::to_string(*url.partial->length);
  }
  if (url.expire) out += ";EXPIRE=" + time_text(*url.expire);
  if (url.access) {
    out += ";URLAUTH=" + url.access->application;
    if (url.access->user) {
      out += '+';
      encode(out, *url.access->user, kSafeDelimiters);
    }
  }
  if (url.verifier) out += ':' + url.verifier->mechanism + ':' + url.verifier->token;
  return out;
}

std::string_view rump_of(std::string_view text, const ImapUrl& url) {
  if (url.verifier) text.remove_suffix(url.verifier->mechanism.size() + url.verifier->token.size() + 2);
  return text;
}

std::string url_for_code(std::string_view text) {
  std::string out;
  // All of printable ASCII but what would end the code or begin something else.
  for (const char c : text.substr(0, kMostUrlOctets)) {
    const bool plain = c > 0x20 && c < 0x7f && c != ']' && c != '"' && c != '\\';
    if (plain) {
      out += c;
    } else {
      encode(out, std::string_view(&c, 1), "");
    }
  }
  return out.empty() ? "%20" : out;
}

std::string without_tokens(std::string_view text) {
  constexpr std::string_view kBefore = ":internal:";
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (!wire::iequals(text.substr(i, kBefore.size()), kBefore)) {
      out += text[i++];
      continue;
    }
    out += text.substr(i, kBefore.size());
    i += kBefore.size();
    if (i < text.size() && is_hex(text[i])) out += "…";
    while (i < text.size() && is_hex(text[i])) ++i;
  }
  return out;
}

}  // namespace cpm::imap::grammar
