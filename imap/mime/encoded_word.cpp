// RFC 2047 encoded words in header text; charset*language of RFC 2231 5 is accepted.
#include "imap/mime/charset.h"
#include "imap/mime/decode.h"
#include "imap/mime/header.h"

namespace cpm::imap::mime {

namespace {

struct Word {
  std::string_view charset;
  char encoding = 0;  // 'b' or 'q'
  std::string_view text;
  std::size_t length = 0;  // of the whole word
};

// The encoded word that begins at the start of `in` ("=?"), if there is one. RFC 2047 allows 75 octets; senders exceed
// that, so the only bounds are that blanks end a word and that a "Q" text may hold no "?".
std::optional<Word> word_at(std::string_view in) {
  const auto charset_end = in.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end == 2 || charset_end > 80) return std::nullopt;
  Word word;
  word.charset = in.substr(2, charset_end - 2);
  word.charset = word.charset.substr(0, word.charset.find('*'));
  if (charset_end + 2 >= in.size() || in[charset_end + 2] != '?') return std::nullopt;
  word.encoding = static_cast<char>(in[charset_end + 1] | 0x20);
  if (word.encoding != 'b' && word.encoding != 'q') return std::nullopt;
  const std::size_t begin = charset_end + 3;
  const auto end = in.find('?', begin);
  if (end == std::string_view::npos || end + 1 >= in.size() || in[end + 1] != '=') return std::nullopt;
  word.text = in.substr(begin, end - begin);
  // A blank inside is against the rules but seen with "Q"; the word is taken as it stands.
  if (word.encoding == 'b' && word.text.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
  word.length = end + 2;
  return word;
}

std::string octets_of(const Word& word) {
  std::string out;
  if (word.encoding == 'b') {
    TransferDecoder decoder(Encoding::base64);
    decoder.feed(word.text, out);
    decoder.finish(out);
    return out;
  }
  const auto hex = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    const char c = word.text[i];
    if (c == '_') {
      out += ' ';
    } else if (c == '=' && i + 2 < word.text.size() && hex(word.text[i + 1]) >= 0 && hex(word.text[i + 2]) >= 0) {
      out += static_cast<char>(hex(word.text[i + 1]) * 16 + hex(word.text[i + 2]));
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

void append_plain(std::string& out, std::string_view text) {
  if (auto utf8 = to_utf8(text, "utf-8")) out += *utf8;
}

// Cuts header text into plain text and runs of adjacent words of one charset, which are converted together: senders
// split multi-octet characters between words. `accept(word)`: whether it counts as one; `plain(text)` and
// `run(octets, charset)` get the pieces in order.
template <class Accept, class Plain, class Run>
void walk(std::string_view in, Accept accept, Plain plain, Run run) {
  std::string pending;
  std::string_view charset;
  const auto flush = [&] {
    if (!pending.empty()) run(pending, charset);
    pending.clear();
  };
  std::size_t begin = 0;  // of the text not yet given
  bool after_word = false;
  for (std::size_t at = in.find("=?"); at != std::string_view::npos; at = in.find("=?", at)) {
    const auto word = word_at(in.substr(at));
    if (!word || !accept(*word)) {
      at += 2;
      continue;
    }
    const std::string_view between = in.substr(begin, at - begin);
    const bool only_blanks = between.find_first_not_of(" \t") == std::string_view::npos;
    if (!after_word || !only_blanks) {
      flush();
      plain(between);
    }
    if (!equals_ignore_case(charset, word->charset)) flush();
    charset = word->charset;
    pending += octets_of(*word);
    at += word->length;
    begin = at;
    after_word = true;
  }
  flush();
  plain(in.substr(begin));
}

}  // namespace

std::string decode_words(std::string_view in) {
  std::string out;
  walk(
      in, [](const Word& word) { return known_charset(word.charset); },
      [&](std::string_view text) { append_plain(out, text); },
      [&](std::string_view octets, std::string_view charset) {
        if (auto utf8 = to_utf8(octets, charset)) out += *utf8;
      });
  return out;
}

std::string decode_words_for_sorting(std::string_view in) {
  std::string octets(1, kUnconverted);
  bool good = true;
  walk(
      in, [](const Word&) { return true; },
      [&](std::string_view text) {
        good = good && valid_in(text, "utf-8");
        octets += text;
      },
      [&](std::string_view run, std::string_view charset) {
        good = good && valid_in(run, charset);
        octets += run;
      });
  return good ? decode_words(in) : octets;
}

std::vector<WordRun> word_runs(std::string_view text) {
  std::vector<WordRun> runs;
  std::size_t begin = 0;  // of the text not yet given
  const auto plain = [&](std::size_t end) {
    if (end > begin) runs.push_back({text.substr(begin, end - begin), {}, {}, 0});
  };
  for (std::size_t at = text.find("=?"); at != std::string_view::npos; at = text.find("=?", at)) {
    const auto word = word_at(text.substr(at));
    if (!word) {
      at += 2;
      continue;
    }
    const std::string_view between = text.substr(begin, at - begin);
    WordRun* const last = runs.empty() || runs.back().charset.empty() ? nullptr : &runs.back();
    if (last != nullptr && between.find_first_not_of(" \t\r\n") == std::string_view::npos &&
        equals_ignore_case(last->charset, word->charset)) {
      last->octets += octets_of(*word);
      last->raw = std::string_view(last->raw.data(),
                                   static_cast<std::size_t>(text.data() + at + word->length - last->raw.data()));
    } else {
      plain(at);
      runs.push_back({text.substr(at, word->length), word->charset, octets_of(*word), word->encoding});
    }
    at += word->length;
    begin = at;
  }
  plain(text.size());
  return runs;
}

}  // namespace cpm::imap::mime
