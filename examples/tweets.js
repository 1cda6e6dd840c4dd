window.YTD.tweets.part0 = [
  {
    "tweet": {
      "id_str": "1900000000000000000",
      "created_at": "Mon Mar 03 06:30:00 +0000 2025",
      "full_text": "Fresh rye is out of the oven, first come first served",
      "lang": "en",
      "favorite_count": "214",
      "retweet_count": "19"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000007919",
      "created_at": "Wed Mar 12 07:30:00 +0000 2025",
      "full_text": "We sold the last loaf at nine, sorry to everyone who came at ten",
      "lang": "en",
      "favorite_count": "88",
      "retweet_count": "8"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000015838",
      "created_at": "Fri Mar 21 08:30:00 +0000 2025",
      "full_text": "Our sourdough starter turned seven today and got a birthday cake",
      "lang": "en",
      "favorite_count": "530",
      "retweet_count": "48"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000023757",
      "created_at": "Sun Mar 30 09:30:00 +0000 2025",
      "full_text": "The card reader is broken, please bring cash until Tuesday",
      "lang": "en",
      "favorite_count": "31",
      "retweet_count": "2"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000031676",
      "created_at": "Tue Apr 08 10:30:00 +0000 2025",
      "full_text": "Rain all day, so there is soup, and it is free with a loaf",
      "lang": "en",
      "favorite_count": "342",
      "retweet_count": "31"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000039595",
      "created_at": "Thu Apr 17 06:30:00 +0000 2025",
      "full_text": "A customer paid for the next ten coffees and left without a word",
      "lang": "en",
      "favorite_count": "1204",
      "retweet_count": "109"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000047514",
      "created_at": "Sat Apr 26 07:30:00 +0000 2025",
      "full_text": "We are looking for someone who likes to get up at three",
      "lang": "en",
      "favorite_count": "167",
      "retweet_count": "15"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000055433",
      "created_at": "Mon May 05 08:30:00 +0000 2025",
      "full_text": "New opening hours from Monday: seven to two",
      "lang": "en",
      "favorite_count": "54",
      "retweet_count": "4"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000063352",
      "created_at": "Wed May 14 09:30:00 +0000 2025",
      "full_text": "The cinnamon rolls are back and they are better than last year",
      "lang": "en",
      "favorite_count": "421",
      "retweet_count": "38"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000071271",
      "created_at": "Fri May 23 10:30:00 +0000 2025",
      "full_text": "Thank you for four years, we could not do this without you",
      "lang": "en",
      "favorite_count": "980",
      "retweet_count": "89"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000079190",
      "created_at": "Sun Jun 01 06:30:00 +0000 2025",
      "full_text": "Somebody left a red scarf here, it waits behind the counter",
      "lang": "en",
      "favorite_count": "63",
      "retweet_count": "5"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000087109",
      "created_at": "Tue Jun 10 07:30:00 +0000 2025",
      "full_text": "The mill sent us a new flour and we are not sure about it yet",
      "lang": "en",
      "favorite_count": "97",
      "retweet_count": "8"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000095028",
      "created_at": "Thu Jun 19 08:30:00 +0000 2025",
      "full_text": "We gave forty loaves to the shelter last night",
      "lang": "en",
      "favorite_count": "760",
      "retweet_count": "69"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000102947",
      "created_at": "Sat Jun 28 09:30:00 +0000 2025",
      "full_text": "No croissants today, the butter did not arrive",
      "lang": "en",
      "favorite_count": "45",
      "retweet_count": "4"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000110866",
      "created_at": "Mon Jul 07 10:30:00 +0000 2025",
      "full_text": "Baked this one upside down and now everybody wants it that way",
      "lang": "en",
      "favorite_count": "388",
      "retweet_count": "35"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000118785",
      "created_at": "Wed Jul 16 06:30:00 +0000 2025",
      "full_text": "Please stop asking for the recipe, grandmother says no",
      "lang": "en",
      "favorite_count": "612",
      "retweet_count": "55"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000126704",
      "created_at": "Fri Jul 25 07:30:00 +0000 2025",
      "full_text": "The oven man is here, the oven man is gone, the oven is still cold",
      "lang": "en",
      "favorite_count": "275",
      "retweet_count": "25"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000134623",
      "created_at": "Sun Aug 03 08:30:00 +0000 2025",
      "full_text": "We close for a week and then we start again with new bread",
      "lang": "en",
      "favorite_count": "120",
      "retweet_count": "10"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000142542",
      "created_at": "Tue Aug 12 09:30:00 +0000 2025",
      "full_text": "A school class baked with us today and one roll looks like a dog",
      "lang": "en",
      "favorite_count": "845",
      "retweet_count": "76"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000150461",
      "created_at": "Thu Aug 21 10:30:00 +0000 2025",
      "full_text": "Two rye left, who wants them",
      "lang": "en",
      "favorite_count": "76",
      "retweet_count": "6"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000158380",
      "created_at": "Sat Aug 30 06:30:00 +0000 2025",
      "full_text": "We tried to make a gluten free loaf and it tried to fly",
      "lang": "en",
      "favorite_count": "301",
      "retweet_count": "27"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000166299",
      "created_at": "Mon Sep 08 07:30:00 +0000 2025",
      "full_text": "Good morning, the lights are on and the coffee is ready",
      "lang": "en",
      "favorite_count": "142",
      "retweet_count": "12"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000174218",
      "created_at": "Wed Sep 17 08:30:00 +0000 2025",
      "full_text": "It is our baker's last day today, come and say goodbye",
      "lang": "en",
      "favorite_count": "690",
      "retweet_count": "62"
    }
  },
  {
    "tweet": {
      "id_str": "1900000000000182137",
      "created_at": "Fri Sep 26 09:30:00 +0000 2025",
      "full_text": "The best seat in the shop is the one next to the oven",
      "lang": "en",
      "favorite_count": "233",
      "retweet_count": "21"
    }
  }
]
