// Address lists of header fields (RFC 5322 3.4 and 4.4), tolerant, keeping the raw text that ENVELOPE wants, and the
// URIs that CPM objects carry in From and To.
#include "imap/mime/envelope.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>

namespace cpm::imap::mime {

namespace {

// Bounds the searches for a closing character, so that hostile input stays linear.
constexpr std::size_t kMaxLookAhead = 1024;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

enum class PieceKind { word, quoted, uri, dot, at };

// One lexical piece of an address. Words of a phrase and atoms of a local part are told apart later.
struct Piece {
  PieceKind kind = PieceKind::word;
  bool space_before = false;
  std::string text;
};
using Pieces = std::vector<Piece>;

// Pieces b and the one before it are one address text: no blank between them, or a dot or "@" there.
bool adjacent(const Piece& a, const Piece& b) {
  const auto special = [](const Piece& piece) { return piece.kind == PieceKind::dot || piece.kind == PieceKind::at; };
  return !b.space_before || special(a) || special(b);
}

bool starts_uri(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kSchemes = {
      "sip:", "sips:", "tel:", "im:", "pres:", "mailto:", "urn:", "xmpp:"};
  for (const auto scheme : kSchemes)
    if (text.size() > scheme.size() && equals_ignore_case(text.substr(0, scheme.size()), scheme) &&
        !is_blank(text[scheme.size()]) && text[scheme.size()] != '<')
      return true;
  return false;
}

// Length of the encoded word at the start of `text`, or 0. Senders put commas and colons inside.
std::size_t encoded_word_length(std::string_view text) {
  if (!text.starts_with("=?")) return 0;
  int marks = 1;
  for (std::size_t i = 2; i < text.size() && !is_blank(text[i]); ++i)
    if (text[i] == '?' && ++marks == 4) return i + 1 < text.size() && text[i + 1] == '=' ? i + 2 : 0;
  return 0;
}

std::string phrase(const Pieces& pieces, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin && pieces[i].space_before) out += ' ';
    out += pieces[i].text;
  }
  return out;
}

void split_uri(std::string_view uri, Address& into) {
  const auto at = uri.find('@');
  into.mailbox = std::string(uri.substr(0, at));
  into.host = at == std::string_view::npos ? std::string() : std::string(uri.substr(at + 1));
}

// mailbox and host from the pieces [begin, end), split at the last "@"; without one the host is empty.
void split_address(const Pieces& pieces, std::size_t begin, std::size_t end, Address& into) {
  std::size_t at = end;
  for (std::size_t i = begin; i < end; ++i)
    if (pieces[i].kind == PieceKind::at) at = i;
  const auto text = [&](std::size_t first, std::size_t last) {
    std::string out;
    for (std::size_t i = first; i < last; ++i) {
      if (i > first && !adjacent(pieces[i - 1], pieces[i])) out += ' ';
      out += pieces[i].text;
    }
    return out;
  };
  into.mailbox = text(begin, at);
  into.host = at < end ? text(at + 1, end) : std::string();
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Addresses run() {
    while (at_ < text_.size() && out_.size() < kMaxAddresses) item();
    if (in_group_) out_.emplace_back();
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // Blanks and comments; the last comment is remembered: it names the address if nothing else does.
  bool skip_blanks() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '(')) {
      if (text_[at_] == '(') {
        read_comment();
      } else {
        ++at_;
      }
    }
    return at_ != begin;
  }

  void read_comment() {
    comment_.emplace();
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        *comment_ += text_[++at_];
        continue;
      }
      if (c == '(' && ++depth == 1) continue;
      if (c == ')' && --depth == 0) {
        ++at_;
        return;
      }
      *comment_ += c;
    }
  }

  std::string read_quoted() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        break;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return out;
  }

  // An atom, an encoded word, or a domain literal.
  std::string read_word() {
    const std::size_t begin = at_;
    at_ += encoded_word_length(text_.substr(at_));
    if (at_ == begin && text_[at_] == '[') {
      const std::string_view near = text_.substr(at_, kMaxLookAhead);
      const auto close = near.find(']');
      if (close != std::string_view::npos && close < near.find_first_of(",<")) at_ += close + 1;
    }
    while (at_ < text_.size() && !is_blank(text_[at_]) &&
           std::string_view("()<>,;:\"@.").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string read_uri() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_blank(text_[at_]) && text_[at_] != ',' && text_[at_] != '<' && text_[at_] != '>' &&
           !(in_group_ && text_[at_] == ';'))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Reads one piece if the cursor is at one.
  bool piece(Pieces& pieces, bool space_before) {
    const char c = peek();
    if (c == '"') {
      pieces.push_back({PieceKind::quoted, space_before, read_quoted()});
    } else if (c == '@' || c == '.') {
      pieces.push_back({c == '@' ? PieceKind::at : PieceKind::dot, space_before, std::string(1, c)});
      ++at_;
    } else if (starts_uri(text_.substr(at_)) && (pieces.empty() || space_before)) {
      pieces.push_back({PieceKind::uri, space_before, read_uri()});
    } else {
      std::string word = read_word();
      if (word.empty()) return false;
      pieces.push_back({PieceKind::word, space_before, std::move(word)});
    }
    return true;
  }

  // One list member: an address, or the start or end of a group.
  void item() {
    comment_.reset();
    Pieces pieces;
    bool seen_at = false;
    for (;;) {
      const bool space = skip_blanks();
      if (at_ >= text_.size()) return bare(pieces);
      const char c = peek();
      seen_at = seen_at || c == '@';
      if (c == ',' || c == ';') {
        ++at_;
        bare(pieces);
        if (c == ';' && in_group_) {
          in_group_ = false;
          out_.emplace_back();
        }
        return;
      }
      if (c == '<') return angle(pieces);
      if (c == ':' && !in_group_ && !pieces.empty() && !seen_at) {
        ++at_;
        in_group_ = true;
        Address group;
        group.mailbox = phrase(pieces, 0, pieces.size());
        out_.push_back(std::move(group));
        return;
      }
      if (c == ':' && !pieces.empty()) {
        pieces.push_back({PieceKind::word, false, ":"});
        ++at_;
      } else if (!piece(pieces, space)) {
        ++at_;  // a stray ")", ">" or ":"
      }
    }
  }

  // "Alice <alice@example.net>": everything up to the next separator behind the bracket is dropped.
  void angle(const Pieces& before) {
    ++at_;
    Address address;
    if (!before.empty()) address.name = phrase(before, 0, before.size());
    skip_blanks();
    if (peek() == '@') read_route(address);
    skip_blanks();
    if (starts_uri(text_.substr(at_))) {
      const auto end = std::min(text_.find('>', at_), text_.size());
      std::string uri;
      for (const char c : text_.substr(at_, end - at_))
        if (!is_blank(c)) uri += c;
      at_ = end;
      split_uri(uri, address);
    } else {
      Pieces pieces;
      while (at_ < text_.size() && peek() != '>' && peek() != ',') {
        const bool space = skip_blanks();
        if (at_ >= text_.size() || peek() == '>' || peek() == ',') break;
        if (peek() == ':' || peek() == ';') {
          pieces.push_back({PieceKind::word, space, std::string(1, text_[at_++])});
        } else if (!piece(pieces, space)) {
          ++at_;
        }
      }
      split_address(pieces, 0, pieces.size(), address);
    }
    skip_to_separator();
    if (!address.name && comment_) address.name = comment_;
    out_.push_back(std::move(address));
  }

  void read_route(Address& address) {
    const std::string_view near = text_.substr(at_, kMaxLookAhead);
    const auto colon = near.find(':');
    if (colon == std::string_view::npos || colon > near.find_first_of("<>\"")) return;
    std::string route;
    for (const char c : near.substr(0, colon))
      if (!is_blank(c)) route += c;
    address.route = std::move(route);
    at_ += colon + 1;
  }

  void skip_to_separator() {
    if (peek() == '>') ++at_;
    while (at_ < text_.size()) {
      skip_blanks();
      const char c = peek();
      if (c == ',') {
        ++at_;
        return;
      }
      if (c == ';' && in_group_) return;
      if (c == '<') return;  // a comma is missing
      if (c == '"') {
        read_quoted();
      } else {
        ++at_;
      }
    }
  }

  // An address without brackets: "alice@example.net", a URI, or only words.
  void bare(const Pieces& pieces) {
    if (pieces.empty()) return;
    Address address;
    std::size_t begin = 0;
    std::size_t end = pieces.size();
    std::size_t center = pieces.size();
    for (std::size_t i = 0; i < pieces.size() && center == pieces.size(); ++i)
      if (pieces[i].kind == PieceKind::at || pieces[i].kind == PieceKind::uri) center = i;
    if (center < pieces.size() && pieces[center].kind == PieceKind::uri) {
      begin = center;
      end = center + 1;
      split_uri(pieces[center].text, address);
    } else {
      if (center < pieces.size()) {
        begin = center;
        end = center + 1;
        while (begin > 0 && adjacent(pieces[begin - 1], pieces[begin])) --begin;
        while (end < pieces.size() && adjacent(pieces[end - 1], pieces[end])) ++end;
      } else {
        // No "@": one word is a mailbox without a host, several are a name without an address.
        for (std::size_t i = 1; i < pieces.size(); ++i)
          if (!adjacent(pieces[i - 1], pieces[i])) end = 0;
      }
      split_address(pieces, begin, end, address);
    }
    if (begin > 0) {
      address.name = phrase(pieces, 0, begin);
    } else if (end < pieces.size()) {
      address.name = phrase(pieces, end, pieces.size());
    } else if (comment_) {
      address.name = comment_;
    }
    out_.push_back(std::move(address));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_group_ = false;
  std::optional<std::string> comment_;
  Addresses out_;
};

}  // namespace

Addresses parse_addresses(std::string_view value) {
  const std::string text = unfold(value);
  return Parser(text).run();
}

}  // namespace cpm::imap::mime
