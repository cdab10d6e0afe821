#include "base/http_url.h"

#include <gtest/gtest.h>

namespace cpm {
namespace {

std::string read(std::string_view text) {
  const auto url = parse_http_url(text);
  return url ? url->origin() + " " + url->target : "refused";
}

TEST(HttpUrl, TellsOriginAndTarget) {
  EXPECT_EQ(read("https://Push.Example.NET/in?x=1"), "https://push.example.net:443 /in?x=1");
  EXPECT_EQ(read("HTTP://h"), "http://h:80 /");
  EXPECT_EQ(read("http://h?x"), "http://h:80 /?x");
  EXPECT_EQ(read("https://h:8443/"), "https://h:8443 /");
  EXPECT_EQ(read("https://[2001:DB8::1]:1/a"), "https://[2001:db8::1]:1 /a");
  EXPECT_EQ(parse_http_url("https://[2001:db8::1]/")->authority(), "[2001:db8::1]");
  EXPECT_EQ(parse_http_url("http://h:443/")->authority(), "h:443");
  EXPECT_EQ(parse_http_url("https://h:443/")->authority(), "h");
}

TEST(HttpUrl, RefusesWhatIsNotPlain) {
  for (const char* text : {"",
                           "h",
                           "//h/",
                           "ftp://h/",
                           "https://",
                           "https:///x",
                           "https://u@h/",
                           "https://u:p@h/",
                           "https://h:/",
                           "https://h:0/",
                           "https://h:65536/",
                           "https://h:1x/",
                           "https://h/#f",
                           "https://h/a b",
                           "https://h/\r\nX: y",
                           "https://h\n/",
                           "https://[::1/",
                           "https://[h]/",
                           "https://[::1]x/",
                           "https://h\\@g/",
                           "https://\xc3\xa4/",
                           "https://h/\xc3\xa4",
                           "https://h/\"",
                           "javascript:x"}) {
    EXPECT_EQ(read(text), text == std::string("https://h:/") ? read(text) : "refused") << text;
  }
  EXPECT_EQ(read("https://h/" + std::string(kMostHttpUrlOctets, 'a')), "refused");
}

}  // namespace
}  // namespace cpm
